"""Tells open pages what changes, as long as one of them listens."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Final

from idc_gateway.errors import Busy, GatewayError
from idc_gateway.live.changes import RELOAD, Change, Changes
from idc_gateway.live.watches import Watch

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
RETRY_S: Final = 5.0
ALIVE_EVERY_S: Final = 10.0
"""A page that hears nothing for longer shows what it has as outdated."""
MAX_LISTENERS: Final = 256


class Live:
    """Listeners, and the looks for them."""

    def __init__(
        self, first: Callable[[], tuple[str, str]], watches: tuple[Watch, ...], *, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        """Take what looks for changes, and what each listener is told first: the kind and the document."""
        self._first = first
        self._due = {watch: asyncio.Event() for watch in watches}
        """Set where a watch should look at once."""
        self._look_every_s = look_every_s
        self._changes = Changes()
        self._listeners = 0
        self._somebody = asyncio.Event()

    def look_soon(self, watch: Watch) -> None:
        """Let a watch look at once: it is known that something changed."""
        self._due[watch].set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for watch, is_due in self._due.items():
                group.create_task(self._keep_looking(watch, is_due))

    async def follow(self) -> AsyncGenerator[list[Change], None]:
        """What changes, without an end: what is told first, then changes as they come; none is a sign of life.

        A listener that takes long gets the last state of each thing, and `reload` where it missed some.

        Raises:
            Busy: As many listen as may.
        """
        if self._listeners >= MAX_LISTENERS:
            raise Busy(f"{self._listeners} pages already follow this gateway: close one")
        self._listeners += 1
        self._somebody.set()
        try:
            seen = self._changes.number
            yield [Change(seen, *self._first())]
            while True:
                await self._changes.wait(seen, ALIVE_EVERY_S)
                changes = self._changes.after(seen)
                seen = self._changes.number
                yield [Change(seen, RELOAD, "{}")] if changes is None else changes
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._somebody.clear()

    async def _keep_looking(self, watch: Watch, is_due: asyncio.Event) -> None:
        is_broken = False
        while True:
            if not self._listeners:
                watch.forget()
                await self._somebody.wait()
            is_due.clear()
            try:
                await watch.look(self._changes)
            except GatewayError as exc:
                if not is_broken:
                    logger.warning("open pages are not told what changes: %s", exc)
                is_broken = True
                watch.forget()
                await asyncio.sleep(RETRY_S)
                continue
            is_broken = False
            with suppress(TimeoutError):
                await asyncio.wait_for(is_due.wait(), self._look_every_s)
