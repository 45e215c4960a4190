"""Reads areas of a slide through its worker, which is started again where it died."""

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from idc_contracts.slides import UM_PER_PX
from idc_slides.facts import SlideFacts
from idc_slides.reading.limits import Limits
from idc_slides.reading.spare_worker import SpareWorker
from idc_slides.reading.worker_process import WorkerDied, WorkerHung, WorkerProcess
from idc_slides.scale.choosing import LEVEL_TOLERANCE
from idc_slides.scale.plausible import scale_of
from idc_slides.unreadable import SlideTimedOut, SlideUnreadable

Blocks = list[tuple[int, int]]

CODES: Final = frozenset(
    {"unsupported-format", "several-slides", "not-brightfield", "unreadable-slide", "slide-too-costly"}
)
"""What the worker may say."""
HANG_WEIGHT: Final = 8
"""A hang costs its whole time limit, so that few are borne."""
REMEDIED: Final = frozenset({"unreadable-slide", "unsupported-format", "slide-too-costly"})
"""Where the worker tells a library's reason alone."""


class SlideReader:
    """One slide's worker, and the count of its deaths."""

    def __init__(self, path: Path, limits: Limits, spare: SpareWorker | None = None) -> None:
        """Open the slide in a worker of its own: the spare one where there is one with these limits.

        Raises:
            SlideUnreadable: It cannot be opened.
        """
        self._path, self._limits, self._spare = path, limits, spare
        self._lock = threading.Lock()
        self._deaths = 0
        self._worker: WorkerProcess | None = None
        self._checked: dict[float, SlideFacts] = {}
        with self._lock:
            self.described = self._open()
            """The facts before the levels were checked: each seems faithful."""

    def checked(self, um_per_px: float) -> SlideFacts:
        """What the file says of itself, with the deviations of its levels, which are measured at the first use.

        Args:
            um_per_px: Of the finest level. Levels that are too coarse to be screened are not measured.

        Raises:
            SlideUnreadable: The file ends the worker that measures.
        """
        most_downsample = UM_PER_PX * LEVEL_TOLERANCE / um_per_px
        with self._lock:
            if um_per_px not in self._checked:
                self._checked[um_per_px] = self._validated(
                    lambda: _checked(self.described, self._asked({"deviations": most_downsample})["deviations"])
                )
            return self._checked[um_per_px]

    def read(
        self, level: int, left: float, top: float, factor: float, size_px: tuple[int, int], block_px: int
    ) -> tuple[NDArray[np.uint8], Blocks]:
        """Read an area.

        Args:
            level: Of the file; 0 is the finest.
            left: Where the area begins, in pixels of the result.
            top: Likewise.
            factor: Pixels of the level for one of the result.
            size_px: Width and height of the result.
            block_px: Side of the blocks that are readable or not.

        Returns:
            RGB, uint8, shape (height, width, 3), white where unreadable; and the unreadable blocks as (column, row).

        Raises:
            SlideUnreadable: The worker died too often.
        """
        blocks = (math.ceil(size_px[0] / block_px), math.ceil(size_px[1] / block_px))
        area = {
            "level": level,
            "left_px": left * factor,
            "top_px": top * factor,
            "factor": factor,
            "width_px": size_px[0],
            "height_px": size_px[1],
            "block_px": block_px,
        }
        with self._lock:
            return self._read(area, blocks)

    @property
    def worker_pid(self) -> int:
        """The worker's process id; 0 where none runs."""
        worker = self._worker
        return worker.pid if worker is not None else 0

    def close(self) -> None:
        with self._lock:
            self._end_worker()
        if self._spare:
            self._spare.prepare()

    def _read(self, area: dict[str, Any], blocks: tuple[int, int]) -> tuple[NDArray[np.uint8], Blocks]:
        """Read an area; where the worker dies of it, read its halves, down to the block that kills it."""
        shape = (area["height_px"], area["width_px"], 3)
        try:
            answer, data = self._running_worker().ask(
                {"read": area}, self._limits.read_timeout_s, pixel_bytes=math.prod(shape)
            )
        except WorkerDied as exc:
            self._count_death(exc)
            if blocks == (1, 1):
                return np.full(shape, 255, np.uint8), [(0, 0)]
            return self._read_halves(area, blocks)
        if "error" in answer:
            raise _unreadable(self._path, answer)
        return np.frombuffer(data, np.uint8).reshape(shape), _blocks(answer, blocks)

    def _read_halves(self, area: dict[str, Any], blocks: tuple[int, int]) -> tuple[NDArray[np.uint8], Blocks]:
        axis = int(blocks[1] > blocks[0])
        half = blocks[axis] // 2
        side, edge = ("width_px", "left_px") if axis == 0 else ("height_px", "top_px")
        half_px = half * area["block_px"]
        first = area | {side: half_px}
        second = area | {side: area[side] - half_px, edge: area[edge] + half_px * area["factor"]}
        counts = [(half, blocks[1]), (blocks[0] - half, blocks[1])]
        if axis == 1:
            counts = [(blocks[0], half), (blocks[0], blocks[1] - half)]
        pixels, unreadable = self._read(first, counts[0])
        more_pixels, more = self._read(second, counts[1])
        shift = (half, 0) if axis == 0 else (0, half)
        unreadable = unreadable + [(column + shift[0], row + shift[1]) for column, row in more]
        return np.concatenate([pixels, more_pixels], axis=1 - axis), unreadable

    def _running_worker(self) -> WorkerProcess:
        if self._worker is None:
            self._open()
        if self._worker is None:
            raise WorkerDied("it does not start")
        return self._worker

    def _open(self) -> SlideFacts:
        try:
            self._worker = self._spare.take() if self._spare else WorkerProcess(self._limits)
        except OSError as exc:
            raise SlideUnreadable(
                "slide-too-costly", f"no reader can be started: {exc.strerror}: try again later"
            ) from exc
        return self._validated(lambda: _facts(self._asked({"open": str(self._path)})))

    def _validated(self, facts: Callable[[], SlideFacts]) -> SlideFacts:
        try:
            return facts()
        except (ValidationError, TypeError, ValueError, KeyError) as exc:
            self._end_worker()
            raise SlideUnreadable(
                "unreadable-slide", f"{self._path.name!r} describes itself in a way that cannot be"
            ) from exc

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        """The worker's answer about the slide as a whole."""
        try:
            answer, _ = self._running_worker().ask(request, self._limits.open_timeout_s)
        except WorkerHung as exc:
            self._worker = None
            raise SlideTimedOut(
                f"{self._path.name!r} was not opened in {self._limits.open_timeout_s:g} s: copy it again"
            ) from exc
        except WorkerDied as exc:
            self._worker = None
            raise SlideUnreadable(
                "unreadable-slide", f"{self._path.name!r} ends the reader that opens it: copy it again, or export it"
            ) from exc
        if "error" in answer:
            self._end_worker()
            raise _unreadable(self._path, answer)
        return answer

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
        self._worker = None

    def _count_death(self, cause: WorkerDied) -> None:
        self._worker = None
        self._deaths += HANG_WEIGHT if isinstance(cause, WorkerHung) else 1
        if self._deaths <= self._limits.worker_deaths:
            return
        if isinstance(cause, WorkerHung):
            raise SlideTimedOut(
                f"{self._path.name!r} was not read in {self._limits.read_timeout_s:g} s, again and again: "
                "export it as a tiled pyramidal TIFF"
            ) from cause
        raise SlideUnreadable(
            "slide-too-costly",
            f"{self._path.name!r} ended its reader again and again: copy it again, or export it",
        ) from cause


def _facts(answer: dict[str, Any]) -> SlideFacts:
    um_per_px, doubt = scale_of(tuple(answer.pop("um_per_px_xy")), answer.get("objective_power"))
    return SlideFacts.model_validate(answer | {"um_per_px": um_per_px, "um_per_px_doubt": doubt})


def _checked(described: SlideFacts, deviations: list[Any]) -> SlideFacts:
    pairs = zip(described.levels, deviations, strict=True)
    levels = [level.model_dump() | {"deviation": deviation} for level, deviation in pairs]
    return SlideFacts.model_validate(described.model_dump() | {"levels": levels})


def _unreadable(path: Path, answer: dict[str, Any]) -> SlideUnreadable:
    code = answer["error"] if answer["error"] in CODES else "unreadable-slide"
    remedy = ": copy it again, or export it as a tiled pyramidal TIFF" if code in REMEDIED else ""
    return SlideUnreadable(code, f"{path.name!r} cannot be read: {str(answer.get('detail', ''))[:300]}{remedy}")


def _blocks(answer: dict[str, Any], blocks: tuple[int, int]) -> Blocks:
    """The unreadable blocks, of those that exist: the answer is a hostile file's."""
    return [
        (column, row)
        for column, row in answer.get("unreadable", [])
        if 0 <= column < blocks[0] and 0 <= row < blocks[1]
    ]
