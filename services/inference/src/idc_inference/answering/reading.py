"""One infer request in progress: its images are decoded piece by piece while the device computes."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.answering.reading_threads import ReadingThreads
from idc_inference.errors import BadRequest
from idc_inference.models.served_model import ServedModel
from idc_inference.protocol.requests import InferRequest, PatchShape, parse_request
from idc_inference.scheduling.jobs import Scored
from idc_inference.settings import InferenceSettings
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch

PIECE_IMAGES: Final = 16
"""Images that are decoded at once; the device computes one piece while the next is decoded."""
PIECE_BYTES: Final = 256 * 1024
"""Encoded images that are decoded at once, unless one alone is larger."""


@dataclass(frozen=True)
class Body:
    """The body of an infer request."""

    content: bytes
    header_length: str | None
    """The value of `Inference-Header-Content-Length`; None where it is absent."""
    begin_s: float
    """When it was whole, on `time.monotonic`'s clock."""


class Reading:
    """Parses, decodes and submits one request in the reading threads; `outcome` gets the results."""

    def __init__(
        self,
        model: ServedModel,
        threads: ReadingThreads,
        limits: InferenceSettings,
        hold: Callable[[int], None],
        shorten: Callable[[float], None],
    ) -> None:
        """Begin nothing yet.

        Args:
            model: Computes the patches.
            threads: Run everything here.
            limits: The bounds of a request.
            hold: Called with the number of patches before they are decoded; raises Busy where that is too many.
            shorten: Called from a thread with the caller's own timeout in seconds, where that is shorter.
        """
        self._model, self._threads, self._limits, self._hold, self._shorten = model, threads, limits, hold, shorten
        self.outcome: Future[tuple[InferRequest, list[Scored]]] = Future()
        """The request, and the results of its pieces in their order."""
        self._pieces: list[slice] = []
        self._jobs: list[Future[Scored]] = []
        self._scored: dict[int, Scored] = {}
        """By piece."""

    def begin(self, body: Body) -> None:
        self._threads.put(partial(self._step, partial(self._read, body)))

    def cancel(self) -> None:
        """Drop the work that has not begun."""
        self.outcome.cancel()
        for job in self._jobs:
            job.cancel()

    def _step(self, work: Callable[[], None]) -> None:
        if self.outcome.done():
            return
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - it goes to the outcome
            self._fail(exc)

    def _read(self, body: Body) -> None:
        spec, limits = self._model.bundle.manifest.patch, self._limits
        shape = PatchShape(spec.height_px, spec.width_px)
        request = parse_request(
            body.content,
            body.header_length,
            shape,
            max_patches=limits.max_patches,
            max_json_bytes=limits.max_json_bytes,
        )
        source, timeout_s = request.source, limits.request_timeout_s
        self._hold(len(source))
        if request.timeout_s is not None and request.timeout_s < timeout_s:
            timeout_s = request.timeout_s
            self._shorten(timeout_s)
        self._pieces = pieces_of(source) if isinstance(source, list) else [slice(0, len(source))]
        self._submit(request, shape, body.begin_s + timeout_s, 0)

    def _submit(self, request: InferRequest, shape: PatchShape, deadline_s: float, place: int) -> None:
        """Decode one piece and submit it; the next one waits for its turn in the threads."""
        source, is_last = request.source, place + 1 == len(self._pieces)
        job = self._model.scheduler.submit(
            decode(source, self._pieces[place], shape) if isinstance(source, list) else source,
            deadline_s,
            request=self,
            on_done=partial(self._take, request, place),
            may_compute=is_last,
        )
        self._jobs.append(job)
        if self.outcome.cancelled():
            job.cancel()
        elif not is_last:
            self._threads.put(partial(self._step, partial(self._submit, request, shape, deadline_s, place + 1)))

    def _take(self, request: InferRequest, place: int, job: Future[Scored]) -> None:
        """Keep the result of one piece; called from any thread."""
        if job.cancelled():
            return
        if (error := job.exception()) is not None:
            self._fail(error)
            return
        self._scored[place] = job.result()
        if len(self._scored) == len(self._pieces):
            scored = [self._scored[at] for at in range(len(self._pieces))]
            with suppress(InvalidStateError):  # cancelled, or another thread was first
                self.outcome.set_result((request, scored))

    def _fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):
            self.outcome.set_exception(error)


def pieces_of(images: Sequence[memoryview]) -> list[slice]:
    """Cut a request into pieces of few images and few bytes: other requests get their turn between two of them."""
    pieces: list[slice] = []
    begin, size_bytes = 0, 0
    for index, image in enumerate(images):
        if index > begin and (index - begin == PIECE_IMAGES or size_bytes + len(image) > PIECE_BYTES):
            pieces.append(slice(begin, index))
            begin, size_bytes = index, 0
        size_bytes += len(image)
    return [*pieces, slice(begin, len(images))]


def decode(images: Sequence[memoryview], piece: slice, shape: PatchShape) -> NDArray[np.uint8]:
    """Decode a piece of a request's images to RGB, uint8, shape (N, height, width, 3), values 0-255.

    Raises:
        BadRequest: An image cannot be read; the text names its index in the request.
    """
    patches = np.empty((piece.stop - piece.start, shape.height_px, shape.width_px, 3), np.uint8)
    for place, index in enumerate(range(piece.start, piece.stop)):
        try:
            patches[place] = decode_patch(bytes(images[index]), height_px=shape.height_px, width_px=shape.width_px)
        except PatchError as exc:
            raise BadRequest(f"image[{index}]: {exc}") from exc
    return patches
