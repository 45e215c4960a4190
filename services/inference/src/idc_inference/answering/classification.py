"""From one request's body to its response: read, decode, compute, apply the bundle's thresholds and checks."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from idc_contracts import BundleManifest, decide
from idc_inference.answering.reading import Body, Reading
from idc_inference.answering.reading_threads import ReadingThreads
from idc_inference.errors import DeadlineExceeded, EngineFailed
from idc_inference.metrics import Metrics
from idc_inference.models.served_model import ServedModel
from idc_inference.protocol.metadata import served_parameters
from idc_inference.protocol.requests import InferRequest
from idc_inference.protocol.responses import EncodedResponse, encode_response
from idc_inference.scheduling.jobs import Scored
from idc_inference.scheduling.stage_times import stage_times
from idc_inference.settings import InferenceSettings
from idc_modelio.outputs import PROBABILITY, Outputs
from idc_servicekit import tracing


@dataclass(frozen=True)
class Answered:
    """A response and its request."""

    response: EncodedResponse
    input_name: str
    patches: int


class Classifier:
    """Answers infer requests; one for all versions and all requests."""

    def __init__(self, threads: ReadingThreads, metrics: Metrics, settings: InferenceSettings) -> None:
        self._threads, self._metrics, self._settings = threads, metrics, settings

    async def answer(
        self, model: ServedModel, content: bytes, header_length: str | None, hold: Callable[[int], None]
    ) -> Answered:
        """Answer one request by its deadline, whatever hangs.

        Args:
            model: Computes the patches.
            content: The whole HTTP body.
            header_length: The value of `Inference-Header-Content-Length`; None where it is absent.
            hold: Called with the number of patches before they are decoded; raises Busy where that is too many.

        Raises:
            BadRequest: The request or an image in it cannot be read; the text names the image's index.
            RequestTooLarge: It is larger than the settings allow.
            Busy: There is too much work.
            DeadlineExceeded: It was not finished in time.
            DeviceUnavailable: The device hangs, is gone or is being opened again.
            EngineFailed: The device could not run the graph, or its result is not a number.
        """
        body, loop = Body(content, header_length, time.monotonic()), asyncio.get_running_loop()
        remedy = "try again or send fewer patches"

        def shorten(timeout_s: float) -> None:
            nonlocal remedy
            if not outcome.done():
                remedy = "allow a longer timeout or send fewer patches"
                timer.reschedule(loop.time() + body.begin_s + timeout_s - time.monotonic())

        def shorten_from_thread(timeout_s: float) -> None:
            loop.call_soon_threadsafe(shorten, timeout_s)

        reading = Reading(model, self._threads, self._settings, hold, shorten_from_thread)
        outcome = asyncio.wrap_future(reading.outcome)
        try:
            async with asyncio.timeout(self._settings.request_timeout_s) as timer:
                reading.begin(body)
                request, scored = await outcome
        except TimeoutError as exc:
            if not (timer.expired() or isinstance(exc, DeadlineExceeded)):
                raise
            took_s = time.monotonic() - body.begin_s
            raise DeadlineExceeded(f"not finished in {took_s:.3g} s: {remedy}") from None
        finally:
            reading.cancel()
        response = encode(model, request, scored)
        self._measure(model, body.begin_s, scored)
        return Answered(response, request.input_name, len(request.source))

    def _measure(self, model: ServedModel, begin_s: float, scored: Sequence[Scored]) -> None:
        times = stage_times(begin_s, scored, time.monotonic())
        stages = self._metrics.stage_s
        stages["decode"].observe(times.decode_s)
        stages["queue"].observe(times.queue_s)
        stages["infer"].observe(times.infer_s)
        stages["output"].observe(times.output_s)
        if tracing.is_on():
            for name, value_s in vars(times).items():
                tracing.annotate(f"idc.{name.removesuffix('_s')}_ms", round(value_s * 1000, 3))
        model.statistics.succeeded(sum(len(part.probability) for part in scored), times)


def encode(model: ServedModel, request: InferRequest, scored: Sequence[Scored]) -> EncodedResponse:
    """Write the response: the graph's outputs, and decisions by the bundle's thresholds and checks.

    Raises:
        EngineFailed: A result is not a number.
    """
    outputs = {name: np.concatenate([part.outputs[name] for part in scored]) for name in model.outputs}
    outputs[PROBABILITY] = np.clip(outputs[PROBABILITY], 0.0, 1.0)
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise EngineFailed(
                f"the device {model.device.running} computed no number as {name} of {len(values)} patches"
            )
    served = {
        "model_name": model.ref.name,
        "model_version": model.ref.version,
        "parameters": served_parameters(model),
    }
    return encode_response(request, outputs, _decisions(model.bundle.manifest, outputs), served)


def _decisions(manifest: BundleManifest, outputs: Outputs) -> list[str]:
    checked = {check.output: outputs[check.output].tolist() for check in manifest.checks}
    return [
        str(
            decide(
                probability,
                manifest.thresholds,
                {name: values[row] for name, values in checked.items()},
                manifest.checks,
            ).decision
        )
        for row, probability in enumerate(outputs[PROBABILITY].tolist())
    ]
