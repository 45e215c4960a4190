"""What is stored of a classification: images first, then results, messages, audit records and receipt in one step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final
from uuid import UUID, uuid4

from idc_gateway.audit import AuditEvent
from idc_gateway.classifications import CheckedImage, Classification, Prediction, message_of
from idc_gateway.images import ImageStore, digest_of
from idc_gateway.outcomes import Outcome, to_receipt
from idc_gateway.queries import Deed, NewImage
from idc_gateway.receipts import Receipt
from idc_gateway.requests import Request
from idc_gateway.retention import Pins
from idc_gateway.store_ports import Store

CLASSIFIED: Final = "patch.classified"
DELETED: Final = "classification.deleted"
MODEL_CHANGED: Final = "model.changed"


@dataclass(frozen=True)
class Entry:
    """What came of one request, or of one part of it."""

    outcomes: Sequence[Outcome]
    images: Sequence[CheckedImage]
    """Those that were classified, in their order."""
    request: Request
    at: datetime

    @property
    def results(self) -> list[Classification]:
        """The results among the outcomes."""
        return [outcome.classification for outcome in self.outcomes if outcome.classification]

    def named_images(self) -> Iterator[tuple[str, CheckedImage]]:
        """The images that are to be stored, by their digests."""
        for result, image in zip(self.results, self.images, strict=True):
            if result.image_sha256 is not None:
                yield result.image_sha256, image


class Deeds:
    """Writes down what was classified."""

    def __init__(self, store: Store, images: ImageStore | None, pins: Pins, *, site: str, device: str) -> None:
        """Make the writer.

        Args:
            store: Where results go.
            images: Where images go; None stores none.
            pins: Images that must not be deleted now.
            site: For the messages' topics.
            device: For the messages' topics; it signs what the gateway does by itself.
        """
        self._store = store
        self._images = images
        self._pins = pins
        self._site = site
        self._device = device
        self._model_lock = Lock()
        self._model_sha256: str | None = None

    def new_result(
        self, image: CheckedImage, prediction: Prediction, latency_ms: float, now: datetime
    ) -> Classification:
        """The result that will be stored for an image."""
        return Classification(
            id=uuid4(),
            name=image.name,
            probability=prediction.probability,
            decision=prediction.decision,
            model=prediction.model,
            thresholds=prediction.thresholds,
            latency_ms=latency_ms,
            created_at=now,
            width_px=image.width_px,
            height_px=image.height_px,
            origin=image.origin,
            image_sha256=digest_of(image.data) if self._images else None,
            once_key=image.once_key,
        )

    def write(self, entries: Sequence[Entry]) -> list[bool]:
        """Store images, then all the rest in one transaction. Blocks.

        Returns:
            For each entry whether it was stored; it was not where another request fulfilled its claim, or stored one
            of its images in the same series.

        Raises:
            ImagesUnavailable: Nothing was stored but perhaps images that no result names.
            StoreUnavailable: As above.
        """
        named = {sha256: image for entry in entries for sha256, image in entry.named_images()}
        with self._pins.held(list(named)):
            if self._images is not None:
                for sha256, image in named.items():
                    self._images.put(sha256, image.data)
            stored: list[bool] = []
            try:
                stored = self._store.results.add([self._deed(entry) for entry in entries])
            finally:
                if not stored or not all(stored):
                    # That the model changed may not have been written: the next transaction looks again.
                    self._model_sha256 = None
            return stored

    def _deed(self, entry: Entry) -> Deed:
        request, results = entry.request, entry.results
        return Deed(
            entry.at,
            results=results,
            images=[NewImage(sha256, image.media_type, len(image.data)) for sha256, image in entry.named_images()],
            messages=[
                message_of(r, site=self._site, device=self._device, request_id=request.request_id) for r in results
            ],
            audit=[*self._model_events(results, entry.at), *(_audited(result, request) for result in results)],
            receipt=Receipt(request.claim, to_receipt(entry.outcomes), entry.at) if request.claim else None,
        )

    def delete(self, identity: UUID, request: Request, now: datetime) -> bool:
        """Delete a result, its reviews, and its image where no other result has it; False where there is none.

        Blocks.

        Raises:
            StoreUnavailable: Nothing was deleted.
            ImagesUnavailable: The result is deleted, its image is not yet; retention will find it.
        """
        result = self._store.results.get(identity)
        if result is None:
            return False
        event = AuditEvent(DELETED, request.caller, str(identity), now, request.request_id)
        if not self._store.results.delete(identity, event):
            return False
        sha256 = result.image_sha256
        if self._images is not None and sha256 and self._store.images.unreferenced(sha256):
            with self._pins.unpinned([NewImage(sha256, "", 0)]) as free:
                for image in free:
                    self._images.delete(image.sha256)
                    self._store.images.forget([image.sha256], [])
        return True

    def _model_events(self, results: Sequence[Classification], now: datetime) -> list[AuditEvent]:
        """That results come from another model than those before."""
        with self._model_lock:
            if self._model_sha256 is None:
                latest = self._store.audit.latest(MODEL_CHANGED)
                self._model_sha256 = latest.event.details["sha256"] if latest else ""
            events, before = [], self._model_sha256
            for model in (result.model for result in results):
                if model.sha256 != before:
                    details = {"sha256": model.sha256, "version": model.version, "before_sha256": before}
                    events.append(AuditEvent(MODEL_CHANGED, self._device, model.name, now, details=details))
                    before = model.sha256
            self._model_sha256 = before
        return events


def _audited(result: Classification, request: Request) -> AuditEvent:
    details = {
        "probability": result.probability,
        "decision": result.decision.value,
        "model_version": result.model.version,
        "model_sha256": result.model.sha256,
        "image_sha256": result.image_sha256,
    }
    return AuditEvent(CLASSIFIED, request.caller, str(result.id), result.created_at, request.request_id, details)
