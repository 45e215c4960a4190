"""The latest changes: each listener takes what it does not have yet, and a slow one skips what is outdated."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

MOST: Final = 512
"""So many changes are kept; whoever is further behind starts over."""

RELOAD: Final = "reload"
"""The event that says: what you have may be outdated, ask for it again."""


@dataclass(frozen=True)
class Change:
    """One thing's new state."""

    number: int
    """Grows with each change."""
    kind: str
    """The event's name: `alarms`, `slide`, `folder`, …"""
    document: str
    """JSON."""


class Changes:
    """The last change of each thing. Use it in one event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._latest: OrderedDict[tuple[str, str], Change] = OrderedDict()
        self._dropped = 0
        self._next = asyncio.Event()
        self.number = 0
        """Of the last change."""

    def put(self, kind: str, key: str, document: str) -> None:
        """Note the new state of one thing; what was noted of it before is outdated."""
        self.number += 1
        self._latest.pop((kind, key), None)
        self._latest[kind, key] = Change(self.number, kind, document)
        while len(self._latest) > self._most:
            self._dropped = self._latest.popitem(last=False)[1].number
        self._next.set()
        self._next = asyncio.Event()

    def put_reload(self) -> None:
        """Note that something changed, and that nobody knows what."""
        self.put(RELOAD, "", "{}")

    def after(self, number: int) -> list[Change] | None:
        """What changed after a number, oldest first; None where some of that is no more known."""
        if number < self._dropped:
            return None
        return [change for change in self._latest.values() if change.number > number]

    async def wait(self, number: int, timeout_s: float) -> None:
        """Return once there is a change after this one, or after the timeout."""
        if self.number == number:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._next.wait(), timeout_s)
