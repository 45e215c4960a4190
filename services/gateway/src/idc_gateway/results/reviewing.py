"""Records reviews."""

from dataclasses import dataclass
from uuid import UUID

from idc_gateway import executors
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import NotFound
from idc_gateway.idempotency.idempotent import idempotent
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import Receipt
from idc_gateway.idempotency.receipts_store import ReceiptsStore
from idc_gateway.results.classifications import Review
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.results.reviews_store import ReviewsStore


@dataclass(frozen=True)
class Reviewing:
    """Reviews of results; each stays in the history."""

    reviews: ReviewsStore
    results: ResultsStore
    receipts: ReceiptsStore

    async def record(self, classification_id: UUID, review: Review, answer: bytes, job: Job) -> bytes:
        """Store a review; returns what is answered, also to a repeated request.

        Raises NotFound where there is no such result, and KeyReused where the job's key was used for another request.
        """
        details = {"verdict": review.verdict.value, "comment": review.comment}
        event = AuditEvent(
            "review.recorded", job.caller, str(classification_id), review.reviewed_at, job.request_id, details
        )

        def store(receipt: Receipt | None) -> None:
            if not self.reviews.add(classification_id, review, event, receipt):
                raise NotFound(f"there is no classification {classification_id}")

        return await idempotent(self.receipts, job.claim, answer, review.reviewed_at, store)

    async def history(self, classification_id: UUID) -> list[Review]:
        """All reviews of a result, newest first. Raises NotFound."""
        if await executors.reads(self.results.get, classification_id) is None:
            raise NotFound(f"there is no classification {classification_id}")
        return await executors.reads(self.reviews.history, classification_id)
