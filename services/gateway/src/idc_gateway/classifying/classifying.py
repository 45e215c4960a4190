"""The main job: images in, stored results out, messages under way."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.classifying.check_image import CheckedImage, check_image, is_quick
from idc_gateway.classifying.group_commit import MAX_ENTRIES, GroupCommit
from idc_gateway.classifying.outcomes import Failure, Outcome, from_receipt
from idc_gateway.classifying.result_writer import Entry, ObjectNames, ResultWriter
from idc_gateway.classifying.series import ClassifyJob, each_once
from idc_gateway.classifying.uploads import Upload
from idc_gateway.errors import AlreadyDone, BadInput, BodyTooLarge, Busy, GatewayError, KeyReused, NotFound
from idc_gateway.grouping import Grouping
from idc_gateway.idempotency.idempotent import check_same
from idc_gateway.idempotency.receipts import Claim
from idc_gateway.idempotency.receipts_store import ReceiptsStore
from idc_gateway.inference.coalescing import Predict
from idc_gateway.inference.ports import Prediction
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.outbox import Outbox
from idc_gateway.results.classifications import Classification
from idc_gateway.results.results_store import ResultsStore

CHECKS_AT_ONCE: Final = 2
"""Groups of images that are decoded at one time."""


class Classifying:
    def __init__(  # noqa: PLR0913 - its parts
        self,
        results: ResultsStore,
        receipts: ReceiptsStore,
        predict: Predict,
        outbox: Outbox,
        writer: ResultWriter,
        backlog: Backlog,
        *,
        on_stored: Callable[[Classification], None],
        max_in_progress: int,
        max_image_bytes: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._results = results
        self._receipts = receipts
        self._predict = predict
        self._group_commit = GroupCommit(writer, on_written=outbox.take, on_stored=on_stored)
        self._checks = Grouping(self._check, most=MAX_ENTRIES, at_once=CHECKS_AT_ONCE)
        self._writer = writer
        self._backlog = backlog
        self._max_in_progress = max_in_progress
        self._max_image_bytes = max_image_bytes
        self._in_progress = 0
        self._clock = clock

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Take one request in.

        Raises:
            Busy: As many are in progress as may be.
            OutboxFull: So many messages wait for the broker that no more may be added.
        """
        self._backlog.check_room()
        if self._in_progress >= self._max_in_progress:
            raise Busy(f"{self._in_progress} requests are in progress: try again in a second")
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    async def classify_one(self, upload: Upload, job: ClassifyJob) -> Classification:
        """Classify one image and store its result with its message.

        Raises:
            BadInput: The image cannot be classified; nothing is stored.
            GatewayError: There is no result; nothing is stored.
        """
        if job.series is not None:
            return await self._one_of_series(upload, job)
        # Alone, a hand-over to a thread costs more than the check; several share one.
        is_here = self._in_progress == 1 and is_quick(upload.data)
        image = check_image(upload, self._max_image_bytes) if is_here else await self._checks(upload)
        (outcome,) = await self._classified_once([Outcome(0, upload.name)], [image], job)
        if outcome.classification is None:
            raise NotFound("the result that this Idempotency-Key made was deleted: use another key")
        return outcome.classification

    async def classify_many(self, uploads: Sequence[Upload], first_index: int, job: ClassifyJob) -> list[Outcome]:
        """Classify some images; those that can be are stored together, each other has its failure.

        Raises:
            AlreadyDone: The same request is being answered at this moment.
            KeyReused: The claim was made for other images.
        """
        if job.series is not None:
            plain = replace(job, series=None)
            return await each_once(
                self._results,
                job.series,
                uploads,
                first_index,
                lambda missing: self.classify_many(missing, first_index, plain),
            )
        checked = await self._check(uploads)
        images = [image for image in checked if isinstance(image, CheckedImage)]
        outcomes = [
            Outcome(index, upload.name, failure=Failure.of(image) if isinstance(image, GatewayError) else None)
            for index, (upload, image) in enumerate(zip(uploads, checked, strict=True), first_index)
        ]
        try:
            return await self._classified_once(outcomes, images, job)
        except (AlreadyDone, KeyReused):
            raise
        except GatewayError as exc:
            failure = Failure.of(exc)
            return [replace(outcome, failure=outcome.failure or failure) for outcome in outcomes]

    async def _one_of_series(self, upload: Upload, job: ClassifyJob) -> Classification:
        plain = replace(job, series=None)

        async def classify(missing: Sequence[Upload]) -> list[Outcome]:
            return [Outcome(0, one.name, await self.classify_one(one, plain)) for one in missing]

        assert job.series is not None  # noqa: S101 - its caller checked
        (outcome,) = await each_once(self._results, job.series, [upload], 0, classify)
        assert outcome.classification is not None  # noqa: S101 - an error would have come as one
        return outcome.classification

    async def _classified_once(
        self, outcomes: Sequence[Outcome], images: Sequence[CheckedImage], job: ClassifyJob
    ) -> list[Outcome]:
        if job.claim is None:
            return await self._classified(outcomes, images, job)
        done = await executors.reads(self._done_before, job.claim, outcomes)
        if done is not None:
            return done
        try:
            return await self._classified(outcomes, images, job)
        except AlreadyDone:
            # The same request overtook this one between the look and the transaction: its results are the answer.
            done = await executors.reads(self._done_before, job.claim, outcomes)
            if done is None:
                raise
            return done

    async def _classified(
        self, outcomes: Sequence[Outcome], images: Sequence[CheckedImage], job: ClassifyJob
    ) -> list[Outcome]:
        started = time.perf_counter()
        names, predictions = await self._put_and_predict(images, job.request_id)
        latency_ms = round((time.perf_counter() - started) * 1000, 2)
        now, predicted = self._clock(), zip(images, predictions, strict=True)
        results = (self._writer.new_result(image, prediction, latency_ms, now) for image, prediction in predicted)
        answered = [
            outcome if outcome.failure else replace(outcome, classification=next(results)) for outcome in outcomes
        ]
        await self._group_commit.write(Entry(answered, images, job, now, names))
        return answered

    async def _put_and_predict(
        self, images: Sequence[CheckedImage], request_id: str
    ) -> tuple[ObjectNames, list[Prediction]]:
        """Store images while inference works on them."""
        if not images:
            return ObjectNames(), []
        putting = asyncio.ensure_future(self._put(images))
        try:
            predictions = await self._predict([image.encoded for image in images], request_id)
        except BaseException:
            putting.add_done_callback(self._abandon)
            raise
        return await putting, predictions

    async def _put(self, images: Sequence[CheckedImage]) -> ObjectNames:
        await asyncio.sleep(0)  # the question goes out first: the hand-over to a thread takes as long as sending it
        return await self._group_commit.put(images)

    def _abandon(self, putting: "asyncio.Future[ObjectNames]") -> None:
        if not putting.cancelled() and putting.exception() is None:
            self._writer.abandon(putting.result())

    def _done_before(self, claim: Claim, outcomes: Sequence[Outcome]) -> list[Outcome] | None:
        receipt = self._receipts.find(claim)
        if receipt is None:
            return None
        check_same(receipt, claim)
        return [
            Outcome(
                index=outcomes[0].index + place,
                name=stored.name,
                classification=self._answered(stored.classification_id),
                failure=stored.failure,
            )
            for place, stored in enumerate(from_receipt(receipt.answer))
        ]

    def _answered(self, result_id: UUID | None) -> Classification | None:
        """A result as first answered: later reviews are only for callers who may read."""
        result = None if result_id is None else self._results.get(result_id)
        return None if result is None else replace(result, review=None)

    async def _check(self, uploads: Sequence[Upload]) -> list[CheckedImage | GatewayError]:
        return await executors.decoding(lambda: [self._checked(upload) for upload in uploads])

    def _checked(self, upload: Upload) -> CheckedImage | GatewayError:
        try:
            return check_image(upload, self._max_image_bytes)
        except (BadInput, BodyTooLarge) as exc:
            return exc
