"""The main job: images in, stored results out, messages under way."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from idc_contracts import utc_now
from idc_gateway.audit import AuditEvent
from idc_gateway.classifications import CheckedImage, Classification, Prediction, Upload, message_of
from idc_gateway.errors import Busy
from idc_gateway.outbox import Outbox
from idc_gateway.ports import Inference
from idc_gateway.queries import Deed
from idc_gateway.store_ports import Results
from idc_gateway.uploads import check_images


class Classifying:
    """Checks, asks, stores."""

    def __init__(
        self,
        results: Results,
        inference: Inference,
        outbox: Outbox,
        *,
        site: str,
        device: str,
        max_in_progress: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._results = results
        self._inference = inference
        self._outbox = outbox
        self._site = site
        self._device = device
        self._max_in_progress = max_in_progress
        self._in_progress = 0
        self._clock = clock

    async def classify(self, uploads: Sequence[Upload], caller: str, request_id: str) -> list[Classification]:
        """Classify images and store all results with their messages in one transaction.

        Raises:
            BadInput: An image cannot be classified; nothing is stored.
            Busy: Too much is in progress.
            InferenceError: There is no result; nothing is stored.
        """
        if self._in_progress >= self._max_in_progress:
            raise Busy(f"{self._in_progress} classifications are in progress: try again in a second")
        self._in_progress += 1
        try:
            return await self._classify(uploads, caller, request_id)
        finally:
            self._in_progress -= 1

    async def _classify(self, uploads: Sequence[Upload], caller: str, request_id: str) -> list[Classification]:
        started = time.perf_counter()
        images = await asyncio.to_thread(check_images, uploads)
        predictions = await self._inference.predict([image.data for image in images], request_id)
        latency_ms = round((time.perf_counter() - started) * 1000, 2)
        now = self._clock()
        results = [
            _result(image, prediction, latency_ms, now) for image, prediction in zip(images, predictions, strict=True)
        ]
        messages = [message_of(r, site=self._site, device=self._device, request_id=request_id) for r in results]
        audit = [_audited(result, caller, request_id) for result in results]
        try:
            await asyncio.to_thread(self._results.add, Deed(now, results=results, messages=messages, audit=audit))
        finally:
            # Where the client goes away now, the thread still ends its transaction: the messages must not wait.
            self._outbox.wake()
        return results


def _result(image: CheckedImage, prediction: Prediction, latency_ms: float, now: datetime) -> Classification:
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
    )


def _audited(result: Classification, caller: str, request_id: str) -> AuditEvent:
    details = {
        "probability": result.probability,
        "decision": result.decision.value,
        "model_version": result.model.version,
        "model_sha256": result.model.sha256,
        "image_sha256": result.image_sha256,
    }
    return AuditEvent("patch.classified", caller, str(result.id), result.created_at, request_id, details)
