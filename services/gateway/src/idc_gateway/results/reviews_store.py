"""Reviews and their history."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import AlreadyDone
from idc_gateway.idempotency.receipts import Receipt
from idc_gateway.idempotency.receipts_store import keep
from idc_gateway.results.classifications import Review, Verdict
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import classifications, reviews


class ReviewsStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, result_id: UUID, review: Review, audit: AuditEvent, receipt: Receipt | None) -> bool:
        """Add a review to a result's history; False where there is no such result.

        Raises AlreadyDone, with nothing stored, where the claim has a receipt.
        """
        with self._database.write() as connection:
            head = lock_head(connection)
            verdict = (
                update(classifications).where(classifications.c.id == result_id).values(verdict=review.verdict.value)
            )
            if connection.execute(verdict).rowcount == 0:
                return False
            if receipt is not None and not keep(connection, receipt):
                raise AlreadyDone("another request with this Idempotency-Key was faster")
            connection.execute(
                insert(reviews).values(
                    classification_id=result_id,
                    verdict=review.verdict.value,
                    comment=review.comment,
                    reviewer=review.reviewer,
                    reviewed_at=review.reviewed_at,
                )
            )
            append(connection, head, [audit])
        return True

    def history(self, result_id: UUID) -> list[Review]:
        query = select(reviews).where(reviews.c.classification_id == result_id).order_by(reviews.c.sequence.desc())
        with self._database.read() as connection:
            return [_from_row(row) for row in connection.execute(query)]


def latest_reviews(connection: Connection, result_ids: Sequence[UUID]) -> dict[UUID, Review]:
    """The newest review of each of these results that has one."""
    if not result_ids:
        return {}
    newest = (
        select(func.max(reviews.c.sequence))
        .where(reviews.c.classification_id.in_(result_ids))
        .group_by(reviews.c.classification_id)
    )
    rows = connection.execute(select(reviews).where(reviews.c.sequence.in_(newest)))
    return {row.classification_id: _from_row(row) for row in rows}


def _from_row(row: Row[Any]) -> Review:
    return Review(Verdict(row.verdict), row.comment, row.reviewer, row.reviewed_at)
