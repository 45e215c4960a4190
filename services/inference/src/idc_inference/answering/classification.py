"""From one request's body to its response: read, decode, run the graph, apply the bundle's thresholds."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.answering.reading_threads import ReadingThreads
from idc_inference.engines.engine import Meter, Stage
from idc_inference.errors import BadRequest, DeadlineExceeded, EngineFailed
from idc_inference.models.served_model import ServedModel
from idc_inference.protocol.metadata import served_parameters
from idc_inference.protocol.requests import InferRequest, PatchShape, parse_request
from idc_inference.protocol.responses import EncodedResponse, encode_response
from idc_inference.scheduling.jobs import Scored
from idc_inference.scheduling.stage_times import StageTimes, stage_times
from idc_inference.settings import InferenceSettings
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch
from idc_servicekit.tracing import annotate

PIECE_IMAGES: Final = 16
"""Images that are decoded at once; the device works on one piece while the next is decoded."""
PIECE_BYTES: Final = 256 * 1024
"""Encoded images that are decoded at once, unless one alone is larger."""


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
    others: list[slice]
    """The images of each further piece."""


class Classifier:
    """Answers infer requests; one for all versions and all requests."""

    def __init__(self, readers: ReadingThreads, meter: Meter, settings: InferenceSettings) -> None:
        """Take what it needs.

        Args:
            readers: Threads that read requests and decode images, so that the event loop stays free.
            meter: Measures each stage.
            settings: The bounds of a request.
        """
        self._readers, self._meter, self._settings = readers, meter, settings

    async def answer(
        self, model: ServedModel, body: bytes, header_length: str | None, hold: Callable[[int], None]
    ) -> Answered:
        """Answer one request; whatever hangs meanwhile, it ends by its deadline.

        Args:
            model: Who answers.
            body: The whole HTTP body.
            header_length: The value of `Inference-Header-Content-Length`, if there is one.
            hold: Takes the number of patches before they are decoded; raises Busy where that is too many.

        Raises:
            BadRequest: The request or an image in it cannot be read; the text names the image's index.
            RequestTooLarge: It is larger than the settings allow.
            Busy: There is too much work.
            DeadlineExceeded: It was not finished in time.
            DeviceUnavailable: The device hangs, is gone or is being opened again.
            EngineFailed: The device could not run the graph, or what it computed is no number.
        """
        begin_s, remedy = time.monotonic(), "try again or send less at once"
        try:
            async with asyncio.timeout(self._settings.request_timeout_s) as timer:
                started = await self._readers.run(self._read, model, body, header_length, hold)
                deadline_s = begin_s + self._limit_s(started.asked)
                if deadline_s < begin_s + self._settings.request_timeout_s:
                    remedy = "allow a longer timeout or send less at once"
                timer.reschedule(asyncio.get_running_loop().time() + deadline_s - time.monotonic())
                scored = await self._score(model, started, deadline_s)
        except TimeoutError as exc:
            if not (timer.expired() or isinstance(exc, DeadlineExceeded)):
                raise
            took_s = time.monotonic() - begin_s
            raise DeadlineExceeded(f"not finished in {took_s:.3g} s: {remedy}") from None
        asked = started.asked
        response = _encode(model, asked, scored)
        self._measure(model, scored, stage_times(begin_s, scored, time.monotonic()))
        return Answered(response, asked.input_name, len(asked.source))

    def _limit_s(self, asked: InferRequest) -> float:
        limit_s = self._settings.request_timeout_s
        return limit_s if asked.timeout_s is None else min(limit_s, asked.timeout_s)

    async def _score(self, model: ServedModel, started: _Started, deadline_s: float) -> list[Scored]:
        """Decode piece by piece; the device works on one while the next is decoded."""
        pending: list[asyncio.Future[Scored]] = []
        request = object()

        def submit(patches: NDArray[np.uint8]) -> None:
            pending.append(asyncio.wrap_future(model.scheduler.submit(patches, deadline_s, request=request)))

        try:
            submit(started.first)
            for piece in started.others:
                submit(await self._readers.run(_decode, started.asked.source, piece, started.shape))
            return await asyncio.gather(*pending)
        finally:
            for future in pending:
                if not future.cancel() and not future.cancelled():
                    future.exception()  # it was told already, or nobody is left to tell

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
        if not isinstance(source, list):
            return _Started(asked, shape, source, [])
        first, *others = _pieces(source)
        return _Started(asked, shape, _decode(source, first, shape), others)

    def _measure(self, model: ServedModel, scored: Sequence[Scored], times: StageTimes) -> None:
        stages: dict[Stage, float] = {
            "decode": times.decode_s,
            "queue": times.queue_s,
            "infer": times.infer_s,
            "output": times.output_s,
        }
        for stage, duration_s in stages.items():
            self._meter.stage(stage, duration_s)
            annotate(f"idc.{stage}_ms", round(duration_s * 1000, 3))
        model.statistics.succeeded(sum(len(part.probability) for part in scored), times)


def _pieces(images: Sequence[memoryview]) -> list[slice]:
    """Cut a request into pieces of few images and few bytes: others get their turn between two of them."""
    pieces: list[slice] = []
    begin, size_bytes = 0, 0
    for index, image in enumerate(images):
        if index > begin and (index - begin == PIECE_IMAGES or size_bytes + len(image) > PIECE_BYTES):
            pieces.append(slice(begin, index))
            begin, size_bytes = index, 0
        size_bytes += len(image)
    return [*pieces, slice(begin, len(images))]


def _decode(images: Sequence[memoryview], piece: slice, shape: PatchShape) -> NDArray[np.uint8]:
    patches = np.empty((piece.stop - piece.start, shape.height_px, shape.width_px, 3), np.uint8)
    for place, index in enumerate(range(piece.start, piece.stop)):
        try:
            patches[place] = decode_patch(bytes(images[index]), height_px=shape.height_px, width_px=shape.width_px)
        except PatchError as exc:
            raise BadRequest(f"image[{index}]: {exc}") from exc
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
