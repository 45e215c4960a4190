"""One infer request in progress: its images are decoded piece by piece, and the device computes one piece meanwhile."""

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
from idc_inference.protocol.requests import InferRequest, PatchShape
from idc_inference.scheduling.jobs import Scored
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch

PIECE_IMAGES: Final = 16
"""Images that are decoded at once; the device computes one piece while the next is decoded."""
PIECE_BYTES: Final = 256 * 1024
"""Encoded images that are decoded at once, unless one alone is larger."""


@dataclass(frozen=True)
class Parsed:
    """A request that was parsed and admitted."""

    request: InferRequest
    shape: PatchShape
    deadline_s: float
    """On `time.monotonic`'s clock."""


class Reading:
    """Parses, decodes and submits one request in the reading threads; `outcome` ends with what was computed."""

    def __init__(self, model: ServedModel, threads: ReadingThreads, parse: Callable[[], Parsed]) -> None:
        """Begin nothing yet.

        Args:
            model: What computes.
            threads: Where it runs.
            parse: Reads the request, in one of the threads; what it raises ends `outcome`.
        """
        self._model, self._threads, self._parse = model, threads, parse
        self.outcome: Future[tuple[InferRequest, list[Scored]]] = Future()
        """The request, and the results of its pieces in their order."""
        self._pieces: list[slice] = []
        self._jobs: list[Future[Scored]] = []
        self._scored: dict[int, Scored] = {}
        """By piece."""

    def begin(self) -> None:
        """Start, in a reading thread."""
        self._threads.put(partial(self._step, self._read))

    def cancel(self) -> None:
        """Drop what has not begun: nobody waits for it."""
        self.outcome.cancel()
        for job in self._jobs:
            job.cancel()

    def _step(self, work: Callable[[], None]) -> None:
        if self.outcome.done():
            return
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - whoever waits for the outcome gets it
            self._fail(exc)

    def _read(self) -> None:
        parsed = self._parse()
        source = parsed.request.source
        self._pieces = pieces_of(source) if isinstance(source, list) else [slice(0, len(source))]
        self._submit(parsed, 0)

    def _submit(self, parsed: Parsed, place: int) -> None:
        """Decode one piece and let the device compute it; the next one waits for its turn in the threads."""
        source, piece = parsed.request.source, self._pieces[place]
        patches = decode(source, piece, parsed.shape) if isinstance(source, list) else source
        is_last = place + 1 == len(self._pieces)
        job = self._model.scheduler.submit(
            patches,
            parsed.deadline_s,
            request=self,
            on_done=partial(self._take, parsed.request, place),
            may_compute=is_last,
        )
        self._jobs.append(job)
        if self.outcome.cancelled():
            job.cancel()
        elif not is_last:
            self._threads.put(partial(self._step, partial(self._submit, parsed, place + 1)))

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
    """Cut a request into pieces of few images and few bytes: others get their turn between two of them."""
    pieces: list[slice] = []
    begin, size_bytes = 0, 0
    for index, image in enumerate(images):
        if index > begin and (index - begin == PIECE_IMAGES or size_bytes + len(image) > PIECE_BYTES):
            pieces.append(slice(begin, index))
            begin, size_bytes = index, 0
        size_bytes += len(image)
    return [*pieces, slice(begin, len(images))]


def decode(images: Sequence[memoryview], piece: slice, shape: PatchShape) -> NDArray[np.uint8]:
    """Decode a piece of a request's images.

    Returns:
        RGB, uint8, shape (N, height, width, 3), values 0-255.

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
