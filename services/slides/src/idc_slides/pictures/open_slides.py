"""Slides that are open for pictures: a few at a time, since each has a process of its own."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Final
from uuid import UUID

from idc_slides.errors import Busy
from idc_slides.reading import SlideFile

WAIT_S: Final = 20.0


@dataclass
class _Held:
    file: SlideFile
    users: int = 0
    used_at_s: float = field(default_factory=time.monotonic)


class OpenSlides:
    """Opens slides and closes those that rest. Safe in threads."""

    def __init__(self, open_slide: Callable[[Path], SlideFile], *, most: int, rest_s: float) -> None:
        """Prepare.

        Args:
            open_slide: Opens a file.
            most: Slides that are open at one time.
            rest_s: How long one stays open without use.
        """
        self._open, self._most, self._rest_s = open_slide, most, rest_s
        self._held: OrderedDict[UUID, _Held] = OrderedDict()
        self._opening: set[UUID] = set()
        self._changed = Condition()

    @contextmanager
    def use(self, slide_id: UUID, path: Path) -> Iterator[SlideFile]:
        """An open slide, while the block runs.

        Raises:
            Busy: As many slides are in use as may be.
            SlideUnreadable: It cannot be opened.
        """
        held = self._take(slide_id) or self._add(slide_id, path)
        try:
            yield held.file
        finally:
            with self._changed:
                held.users -= 1
                held.used_at_s = time.monotonic()
                self._changed.notify_all()

    def close_resting(self) -> None:
        """Close what was not used for long."""
        with self._changed:
            limit_s = time.monotonic() - self._rest_s
            resting = [key for key, held in self._held.items() if not held.users and held.used_at_s <= limit_s]
            files = [self._held.pop(key).file for key in resting]
        for file in files:
            file.close()

    def forget(self, slide_id: UUID) -> None:
        """Close a slide that was deleted; one in use is closed when it rests."""
        with self._changed:
            held = self._held.get(slide_id)
            if held is None or held.users:
                return
            del self._held[slide_id]
        held.file.close()

    def close(self) -> None:
        with self._changed:
            files = [held.file for held in self._held.values()]
            self._held.clear()
        for file in files:
            file.close()

    def _take(self, slide_id: UUID) -> _Held | None:
        """A slide that is open, or None where this caller must open it."""
        deadline_s = time.monotonic() + WAIT_S
        with self._changed:
            while True:
                if held := self._held.get(slide_id):
                    held.users += 1
                    self._held.move_to_end(slide_id)
                    return held
                if slide_id not in self._opening and self._has_room():
                    self._opening.add(slide_id)
                    return None
                if not self._changed.wait(deadline_s - time.monotonic()):
                    raise Busy(f"{self._most} slides are being looked at: try again in a moment")

    def _has_room(self) -> bool:
        if len(self._held) + len(self._opening) < self._most:
            return True
        idle = next((key for key, held in self._held.items() if not held.users), None)
        if idle is None:
            return False
        self._held.pop(idle).file.close()
        return True

    def _add(self, slide_id: UUID, path: Path) -> _Held:
        try:
            held = _Held(self._open(path), users=1)
        except BaseException:
            with self._changed:
                self._opening.discard(slide_id)
                self._changed.notify_all()
            raise
        with self._changed:
            self._opening.discard(slide_id)
            self._held[slide_id] = held
            self._changed.notify_all()
        return held
