"""From one request's body to its response: read, decode, compute, apply the bundle's thresholds."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from idc_inference.answering.reading import Parsed, Reading
from idc_inference.answering.reading_threads import ReadingThreads
from idc_inference.errors import DeadlineExceeded, EngineFailed
from idc_inference.metrics import Metrics
from idc_inference.models.served_model import ServedModel
from idc_inference.protocol.metadata import served_parameters
from idc_inference.protocol.requests import InferRequest, PatchShape, parse_request
from idc_inference.protocol.responses import EncodedResponse, encode_response
from idc_inference.scheduling.jobs import Scored
from idc_inference.scheduling.stage_times import StageTimes, stage_times
from idc_inference.settings import InferenceSettings
from idc_servicekit.tracing import annotate


@dataclass(frozen=True)
class Answered:
    """A response, and what it was for."""

    response: EncodedResponse
    input_name: str
    patches: int


class Classifier:
    """Answers infer requests; one for all versions and all requests."""

    def __init__(self, threads: ReadingThreads, metrics: Metrics, settings: InferenceSettings) -> None:
        self._threads, self._metrics, self._settings = threads, metrics, settings

    async def answer(
        self, model: ServedModel, body: bytes, header_length: str | None, hold: Callable[[int], None]
    ) -> Answered:
        """Answer one request; it ends by its deadline, whatever hangs meanwhile.

        Args:
            model: What computes.
            body: The whole HTTP body.
            header_length: The value of `Inference-Header-Content-Length`; None where it is absent.
            hold: Takes the number of patches before they are decoded; raises Busy where that is too many.

        Raises:
            BadRequest: The request or an image in it cannot be read; the text names the image's index.
            RequestTooLarge: It is larger than the settings allow.
            Busy: There is too much work.
            DeadlineExceeded: It was not finished in time.
            DeviceUnavailable: The device hangs, is gone or is being opened again.
            EngineFailed: The device could not run the graph, or its result is not a number.
        """
        begin_s, loop, limit_s = time.monotonic(), asyncio.get_running_loop(), self._settings.request_timeout_s
        remedy = "try again or send less at once"

        def shorten(timeout_s: float) -> None:
            nonlocal remedy
            if not outcome.done():
                remedy = "allow a longer timeout or send less at once"
                timer.reschedule(loop.time() + begin_s + timeout_s - time.monotonic())

        def parse() -> Parsed:
            parsed = self._parse(model, body, header_length, begin_s)
            hold(len(parsed.request.source))
            asked_s = parsed.request.timeout_s
            if asked_s is not None and asked_s < limit_s:
                loop.call_soon_threadsafe(shorten, asked_s)
            return parsed

        reading = Reading(model, self._threads, parse)
        outcome = asyncio.wrap_future(reading.outcome)
        try:
            async with asyncio.timeout(limit_s) as timer:
                reading.begin()
                request, scored = await outcome
        except TimeoutError as exc:
            if not (timer.expired() or isinstance(exc, DeadlineExceeded)):
                raise
            took_s = time.monotonic() - begin_s
            raise DeadlineExceeded(f"not finished in {took_s:.3g} s: {remedy}") from None
        finally:
            reading.cancel()
        response = encode(model, request, scored)
        self._measure(model, scored, stage_times(begin_s, scored, time.monotonic()))
        return Answered(response, request.input_name, len(request.source))

    def _parse(self, model: ServedModel, body: bytes, header_length: str | None, begin_s: float) -> Parsed:
        spec, limits = model.bundle.manifest.patch, self._settings
        shape = PatchShape(spec.height_px, spec.width_px)
        request = parse_request(
            body, header_length, shape, max_patches=limits.max_patches, max_json_bytes=limits.max_json_bytes
        )
        asked_s = limits.request_timeout_s if request.timeout_s is None else request.timeout_s
        return Parsed(request, shape, begin_s + min(asked_s, limits.request_timeout_s))

    def _measure(self, model: ServedModel, scored: Sequence[Scored], times: StageTimes) -> None:
        stages = self._metrics.stage_s
        stages["decode"].observe(times.decode_s)
        stages["queue"].observe(times.queue_s)
        stages["infer"].observe(times.infer_s)
        stages["output"].observe(times.output_s)
        annotate(
            {
                "idc.decode_ms": times.decode_s * 1000,
                "idc.queue_ms": times.queue_s * 1000,
                "idc.infer_ms": times.infer_s * 1000,
                "idc.output_ms": times.output_s * 1000,
            }
        )
        model.statistics.succeeded(sum(len(part.probability) for part in scored), times)


def encode(model: ServedModel, request: InferRequest, scored: Sequence[Scored]) -> EncodedResponse:
    """Write the response: probabilities, and decisions by the bundle's thresholds.

    Raises:
        EngineFailed: A result is not a number.
    """
    parts = [part.probability for part in scored]
    probability = np.clip(parts[0] if len(parts) == 1 else np.concatenate(parts), 0.0, 1.0)
    values = probability.tolist()
    if any(map(math.isnan, values)):
        raise EngineFailed(f"the device {model.device.running} computed no number for {len(values)} patches")
    thresholds = model.bundle.manifest.thresholds
    decisions = [str(thresholds.decide(value)) for value in values]
    served = {
        "model_name": model.ref.name,
        "model_version": model.ref.version,
        "parameters": served_parameters(model),
    }
    return encode_response(request, probability, decisions, served)
