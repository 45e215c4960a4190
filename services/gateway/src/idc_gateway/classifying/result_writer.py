"""What is stored of a classification: images first, then results, messages, audit records and receipt in one step."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from idc_contracts import CLASSIFICATIONS, PatchClassified, decide, utc_now
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.classifying.check_image import CheckedImage, reasons_of_scale
from idc_gateway.classifying.outcomes import Outcome, to_receipt
from idc_gateway.errors import ImageGone, ImagesUnavailable, StoreUnavailable
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import Receipt
from idc_gateway.inference.ports import Prediction
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.classifications import Classification
from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.images import ImageStore, new_object_name
from idc_gateway.results.results_store import ResultsStore, Stored
from idc_gateway.results.unit_of_work import NewImage, UnitOfWork
from idc_gateway.results.unsettled import Unsettled

CLASSIFIED: Final = "patch.classified"
PUTS_AT_ONCE: Final = 16
"""A disk syncs so many files in little more time than one; a bucket takes them side by side."""


@dataclass(frozen=True)
class ObjectNames:
    """Names in the image store, by digest."""

    by_sha256: Mapping[str, str] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    """Those that were made for these images."""


@dataclass(frozen=True)
class Entry:
    """What came of one request, or of one part of it."""

    outcomes: Sequence[Outcome]
    images: Sequence[CheckedImage]
    """Those that were classified, in their order."""
    job: Job
    at: datetime
    names: ObjectNames = field(default_factory=ObjectNames)
    """Of the images; empty where none are stored."""

    @property
    def results(self) -> list[Classification]:
        """The results among the outcomes."""
        return [outcome.classification for outcome in self.outcomes if outcome.classification]


class ResultWriter:
    def __init__(
        self,
        results: ResultsStore,
        index: ImageIndexStore,
        images: ImageStore | None,
        *,
        site: str,
        device: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Make the writer.

        Args:
            results: Where results go.
            index: Which images are stored.
            images: Where images go; None stores none.
            site: For the messages' topics.
            device: For the messages' topics; it is also the actor of the gateway's own actions.
            clock: The time.
        """
        self._results = results
        self._index = index
        self._images = images
        self._topic = CLASSIFICATIONS.at(site=site, device=device)
        self._device = device
        self._unsettled = Unsettled(clock)
        self._puts = ThreadPoolExecutor(PUTS_AT_ONCE, thread_name_prefix="puts")

    def new_result(
        self, image: CheckedImage, prediction: Prediction, latency_ms: float, now: datetime
    ) -> Classification:
        """The result that will be stored for an image."""
        also = {*prediction.reasons, *reasons_of_scale(image)}
        decision, reasons = decide(prediction.probability, prediction.thresholds, also=also)
        return Classification(
            id=uuid4(),
            name=image.name,
            probability=prediction.probability,
            decision=decision,
            model=prediction.model,
            thresholds=prediction.thresholds,
            latency_ms=latency_ms,
            created_at=now,
            width_px=image.width_px,
            height_px=image.height_px,
            origin=image.origin,
            image_sha256=image.sha256 if self._images else None,
            once_key=image.once_key,
            reasons=reasons,
        )

    def put_images(
        self, requests: Sequence[Sequence[CheckedImage]], *, with_new_names: bool = False
    ) -> list[ObjectNames | ImagesUnavailable]:
        """Store the images of requests, before anything names them. Blocks.

        Args:
            requests: The images of each.
            with_new_names: Store an image under a new name where it is there already, too.

        Returns:
            For each request the names of its images, or why some of them are not stored.

        Raises:
            StoreUnavailable: It is not known which are there.
        """
        images = {image.sha256: image.data for request in requests for image in request}
        if self._images is None or not images:
            return [ObjectNames()] * len(requests)
        known = {} if with_new_names else self._index.names(list(images))
        named = [_named(request, known) for request in requests]
        self._unsettled.add(name for names in named for name in names.new)
        missing = [
            (place, name, images[key])
            for place, names in enumerate(named)
            for key, name in names.by_sha256.items()
            if name in names.new or not self._images.has(name, images[key])
        ]
        failures = self._put_all(missing, self._images)
        return [failures.get(place, names) for place, names in enumerate(named)]

    def _put_all(self, objects: Sequence[tuple[int, str, bytes]], images: ImageStore) -> dict[int, ImagesUnavailable]:
        """Store objects, each with its request's place; gives the failures by place."""
        failures: dict[int, ImagesUnavailable] = {}

        def put(share: Sequence[tuple[int, str, bytes]]) -> None:
            for place, name, data in share:
                if place in failures:
                    continue  # the rest of a request that failed is not begun
                try:
                    images.put(name, data)
                except ImagesUnavailable as exc:
                    failures[place] = exc

        shares = [objects[thread::PUTS_AT_ONCE] for thread in range(min(PUTS_AT_ONCE, len(objects)))]
        # A lone object needs no other thread.
        list(map(put, shares) if len(shares) == 1 else self._puts.map(put, shares))
        return failures

    def write(self, entries: Sequence[Entry]) -> Stored:
        """Store all but the images, which are stored already, in one transaction. Blocks.

        An entry is not stored where another request fulfilled its claim, or stored one of its images in the same
        series.

        Raises:
            ImagesUnavailable: Nothing was stored but perhaps images that no result names.
            StoreUnavailable: As above.
        """
        try:
            return self._add([self._taken(entry) for entry in entries])
        except ImageGone:
            # Deleted since it was found: under a new name it cannot be deleted before its result is stored.
            self._unsettled.add(name for entry in entries for name in entry.names.by_sha256.values())
            return self._add([self._taken(self._put_again(entry)) for entry in entries])

    def _taken(self, entry: Entry) -> Entry:
        """An entry whose new images no other request will delete."""
        while not self._unsettled.take(entry.names.new):
            entry = self._put_again(entry)
        return entry

    def _put_again(self, entry: Entry) -> Entry:
        (names,) = self.put_images([entry.images], with_new_names=True)
        if isinstance(names, ImagesUnavailable):
            raise names
        return replace(entry, names=names)

    def _add(self, entries: Sequence[Entry]) -> Stored:
        try:
            return self._results.store([self._unit_of_work(entry) for entry in entries])
        except (StoreUnavailable, ImageGone):
            for entry in entries:
                self._unsettled.add(entry.names.new)
            raise

    def abandon(self, names: ObjectNames) -> None:
        """Let images be deleted soon whose request failed."""
        self._unsettled.give_up(names.new)

    def abandon_unsettled(self) -> None:
        """Let images be deleted whose result was never written: the request was cut, or the database was away. Blocks.

        Raises:
            StoreUnavailable: The next call tries again.
        """
        overdue = self._unsettled.take_overdue()
        try:
            if overdue:
                self._index.abandon(overdue)
        except StoreUnavailable:
            self._unsettled.add(overdue)
            raise

    def _unit_of_work(self, entry: Entry) -> UnitOfWork:
        job, results = entry.job, entry.results
        return UnitOfWork(
            entry.at,
            results=results,
            images=_new_images(entry),
            messages=[self._message_of(result, job.request_id) for result in results],
            audit=[_audited(result, job) for result in results],
            device=self._device,
            receipt=Receipt(job.claim, to_receipt(entry.outcomes), entry.at) if job.claim else None,
        )

    def _message_of(self, classification: Classification, request_id: str) -> OutgoingMessage:
        """The event that reports a result to alarms."""
        event = PatchClassified(
            sent_at=classification.created_at,
            source=self._device,
            correlation_id=request_id,
            classification_id=classification.id,
            probability=classification.probability,
            decision=classification.decision,
            reasons=classification.reasons,
            field=classification.field,
            um_per_px=classification.origin.um_per_px,
            model=classification.model,
            thresholds=classification.thresholds,
            latency_ms=classification.latency_ms,
            classified_at=classification.created_at,
        )
        return OutgoingMessage(self._topic, event.to_payload())


def _named(images: Sequence[CheckedImage], known: Mapping[str, str]) -> ObjectNames:
    names = {image.sha256: known.get(image.sha256) or new_object_name(image.sha256) for image in images}
    return ObjectNames(names, frozenset(names.values()) - frozenset(known.values()))


def _new_images(entry: Entry) -> list[NewImage]:
    if not entry.names.by_sha256:
        return []
    named = [(entry.names.by_sha256[image.sha256], image) for image in entry.images]
    return [
        NewImage(image.sha256, image.media_type, len(image.data), name, name in entry.names.new)
        for name, image in named
    ]


def _audited(result: Classification, job: Job) -> AuditEvent:
    details = {
        "probability": result.probability,
        "decision": result.decision.value,
        "reasons": list(result.reasons),
        "model_version": result.model.version,
        "model_sha256": result.model.sha256,
        "image_sha256": result.image_sha256,
    }
    return AuditEvent(CLASSIFIED, job.caller, str(result.id), result.created_at, job.request_id, details)
