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
from idc_inference.protocol.metadata import offer_of
from idc_inference.protocol.requests import InferRequest, Offer, parse_request
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
        offer, limits = offer_of(self._model), self._limits
        request = parse_request(
            body.content,
            body.header_length,
            offer,
            max_patches=limits.max_patches,
            max_json_bytes=limits.max_json_bytes,
        )
        source, timeout_s = request.source, limits.request_timeout_s
        self._hold(len(source))
        if request.timeout_s is not None and request.timeout_s < timeout_s:
            timeout_s = request.timeout_s
            self._shorten(timeout_s)
        self._pieces = pieces_of(source) if isinstance(source, list) else [slice(0, len(source))]
        self._submit(request, offer, body.begin_s + timeout_s, 0)

    def _submit(self, request: InferRequest, offer: Offer, deadline_s: float, place: int) -> None:
        """Decode one piece and submit it; the next one waits for its turn in the threads."""
        source, is_last = request.source, place + 1 == len(self._pieces)
        job = self._model.scheduler.submit(
            decode(source, request.um_per_px, self._pieces[place], offer) if isinstance(source, list) else source,
            deadline_s,
            request=self,
            on_done=partial(self._take, request, place),
            may_compute=is_last,
        )
        self._jobs.append(job)
        if self.outcome.cancelled():
            job.cancel()
        elif not is_last:
            self._threads.put(partial(self._step, partial(self._submit, request, offer, deadline_s, place + 1)))

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


def decode(
    images: Sequence[memoryview], um_per_px: NDArray[np.float32] | None, piece: slice, offer: Offer
) -> NDArray[np.uint8]:
    """Decode a piece of a request's images.

    Args:
        images: All of the request, encoded.
        um_per_px: Their scales, float32, shape (images,), 0 where it is not stated; None where none is.
        piece: Which of them to decode.
        offer: The size of a patch.

    Returns:
        RGB, uint8, shape (N, height, width, 3), values 0-255.

    Raises:
        BadRequest: An image cannot be read; the text names its index in the request.
    """
    patches = np.empty((piece.stop - piece.start, offer.height_px, offer.width_px, 3), np.uint8)
    for place, index in enumerate(range(piece.start, piece.stop)):
        try:
            patches[place] = decode_patch(
                bytes(images[index]),
                height_px=offer.height_px,
                width_px=offer.width_px,
                um_per_px=None if um_per_px is None else float(um_per_px[index]) or None,
            )
        except PatchError as exc:
            raise BadRequest(f"image[{index}]: {exc}") from exc
    return patches
