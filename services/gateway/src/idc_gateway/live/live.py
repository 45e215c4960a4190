"""Tells open pages what changes, as long as one of them listens."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Final

from idc_gateway.errors import Busy, GatewayError
from idc_gateway.live.changes import Change, Changes
from idc_gateway.live.watches import AlarmWatch, Watch

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
RETRY_S: Final = 5.0
ALIVE_EVERY_S: Final = 10.0
"""A page that hears nothing for longer shows what it has as outdated."""
MAX_LISTENERS: Final = 256
RELOAD: Final = "reload"
"""The event that says: what you have may be outdated, ask for it again."""


class Live:
    """Listeners, and the looks for them."""

    def __init__(self, alarms: AlarmWatch, watches: tuple[Watch, ...], *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._alarms = alarms
        self._watches: tuple[Watch, ...] = (alarms, *watches)
        self._look_every_s = look_every_s
        self._changes = Changes()
        self._listeners = 0
        self._somebody = asyncio.Event()
        self._alarm_reported = asyncio.Event()

    def alarm_reported(self) -> None:
        """Tell at once what an alarm has reported."""
        self._alarm_reported.set()

    async def run(self) -> None:
        """The background task."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(self._keep_looking(watch))

    async def follow(self) -> AsyncGenerator[list[Change], None]:
        """What changes, without an end: first the alarms, then changes as they come; none is a sign of life.

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
            yield [Change(seen, "alarms", self._alarms.document_of_all())]
            while True:
                await self._changes.wait(seen, ALIVE_EVERY_S)
                changes = self._changes.after(seen)
                seen = self._changes.number
                yield [Change(seen, RELOAD, "{}")] if changes is None else changes
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._somebody.clear()

    async def _keep_looking(self, watch: Watch) -> None:
        is_first, is_broken = True, False
        while True:
            if not self._listeners:
                watch.forget()
                await self._somebody.wait()
                is_first = True
            try:
                await watch.look(self._changes)
            except GatewayError as exc:
                if not is_broken:
                    logger.warning("open pages are not told what changes: %s", exc)
                is_broken = True
                await asyncio.sleep(RETRY_S)
                continue
            if watch is not self._alarms and (is_first or is_broken):
                # What changed between a page's own look and this one was not seen.
                self._changes.put(RELOAD, "", "{}")
            is_first = is_broken = False
            await self._pause(watch)

    async def _pause(self, watch: Watch) -> None:
        if watch is not self._alarms:
            await asyncio.sleep(self._look_every_s)
            return
        try:
            await asyncio.wait_for(self._alarm_reported.wait(), self._look_every_s)
        except TimeoutError:
            return
        self._alarm_reported.clear()
