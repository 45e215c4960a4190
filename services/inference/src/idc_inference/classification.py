"""From one request's body to its response: read, decode, run the graph, apply the bundle's thresholds."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import BadRequest, EngineFailed
from idc_inference.metadata import served_parameters
from idc_inference.ports import Meter, Stage
from idc_inference.protocol import InferRequest, PatchShape, parse_request
from idc_inference.responses import EncodedResponse, encode_response
from idc_inference.scheduler import Scored
from idc_inference.served_model import ServedModel
from idc_inference.settings import InferenceSettings
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch
from idc_servicekit.tracing import annotate

PIECE_IMAGES: Final = 16
"""Images that are decoded at once; the device works on one piece while the next is decoded."""


@dataclass(frozen=True)
class Answered:
    """A response, and what it was for."""

    response: EncodedResponse
    input_name: str
    patches: int


@dataclass(frozen=True)
class _Started:
    """A request whose first piece is decoded."""

    asked: InferRequest
    shape: PatchShape
    first: NDArray[np.uint8]
    """uint8, RGB, shape (N, height, width, 3)."""


class Classifier:
    """Answers infer requests; one for all versions and all requests."""

    def __init__(self, workers: Executor, meter: Meter, settings: InferenceSettings) -> None:
        """Take what it needs.

        Args:
            workers: Threads that read requests and decode images, so that the event loop stays free.
            meter: Measures each stage.
            settings: The bounds of a request.
        """
        self._workers, self._meter, self._settings = workers, meter, settings

    async def answer(
        self, model: ServedModel, body: bytes, header_length: str | None, hold: Callable[[int], None]
    ) -> Answered:
        """Answer one request.

        Args:
            model: Who answers.
            body: The whole HTTP body.
            header_length: The value of `Inference-Header-Content-Length`, if there is one.
            hold: Takes the number of patches before they are decoded; raises Busy where that is too many.

        Raises:
            BadRequest: The request or an image in it cannot be read; the text names the image's index.
            RequestTooLarge: It is larger than the settings allow.
            Busy: There is too much work.
            DeadlineExceeded: The device did not get to it in time.
            EngineFailed: The device could not run the graph, or what it computed is no number.
        """
        loop, begin_s = asyncio.get_running_loop(), time.monotonic()
        started = await loop.run_in_executor(self._workers, self._read, model, body, header_length, hold)
        asked = started.asked
        limit_s = self._settings.request_timeout_s
        deadline_s = begin_s + (limit_s if asked.timeout_s is None else min(limit_s, asked.timeout_s))
        pending = [asyncio.wrap_future(model.scheduler.submit(started.first, deadline_s))]
        try:
            if isinstance(asked.source, list):
                for start in range(PIECE_IMAGES, len(asked.source), PIECE_IMAGES):
                    piece = asked.source[start : start + PIECE_IMAGES]
                    patches = await loop.run_in_executor(self._workers, _decode, piece, start, started.shape)
                    pending.append(asyncio.wrap_future(model.scheduler.submit(patches, deadline_s)))
            decoded_s = time.monotonic()
            scored = await asyncio.gather(*pending)
        finally:
            for future in pending:
                future.cancel()
        self._measure(model, scored, decode_s=decoded_s - begin_s)
        return Answered(_encode(model, asked, scored), asked.input_name, len(asked.source))

    def _read(
        self, model: ServedModel, body: bytes, header_length: str | None, hold: Callable[[int], None]
    ) -> _Started:
        spec, limits = model.bundle.manifest.patch, self._settings
        shape = PatchShape(spec.height_px, spec.width_px)
        asked = parse_request(
            body, header_length, shape, max_patches=limits.max_patches, max_json_bytes=limits.max_json_bytes
        )
        hold(len(asked.source))
        source = asked.source
        first = _decode(source[:PIECE_IMAGES], 0, shape) if isinstance(source, list) else source
        return _Started(asked, shape, first)

    def _measure(self, model: ServedModel, scored: Sequence[Scored], *, decode_s: float) -> None:
        queue_s, infer_s = scored[0].queue_s, sum(part.infer_s for part in scored)
        stages: dict[Stage, float] = {"decode": decode_s, "queue": queue_s, "infer": infer_s}
        for stage, duration_s in stages.items():
            self._meter.stage(stage, duration_s)
            annotate(f"idc.{stage}_ms", round(duration_s * 1000, 3))
        patches = sum(len(part.probability) for part in scored)
        model.statistics.succeeded(patches, decode_s=decode_s, queue_s=queue_s, infer_s=infer_s)


def _decode(images: list[memoryview], first_index: int, shape: PatchShape) -> NDArray[np.uint8]:
    patches = np.empty((len(images), shape.height_px, shape.width_px, 3), np.uint8)
    for index, image in enumerate(images):
        try:
            patches[index] = decode_patch(bytes(image), height_px=shape.height_px, width_px=shape.width_px)
        except PatchError as exc:
            raise BadRequest(f"image[{first_index + index}]: {exc}") from exc
    return patches


def _encode(model: ServedModel, asked: InferRequest, scored: Sequence[Scored]) -> EncodedResponse:
    probability = np.clip(np.concatenate([part.probability for part in scored]), 0.0, 1.0)
    if np.isnan(probability).any():
        raise EngineFailed(f"the device {model.device.running} computed no number for {len(probability)} patches")
    thresholds = model.bundle.manifest.thresholds
    decisions = [str(thresholds.decide(value)) for value in probability.tolist()]
    served = {
        "model_name": model.ref.name,
        "model_version": model.ref.version,
        "parameters": served_parameters(model),
    }
    return encode_response(asked, probability, decisions, served)
