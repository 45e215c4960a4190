"""Announces each slide that the slides service has screened, once, whatever is killed when."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.errors import GatewayError, SlidesBroken
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.leadership import ALONE, Leadership
from idc_gateway.messages.outbox import Outbox
from idc_gateway.slides.connection import SlidesConnection
from idc_gateway.slides.screened import NOT_ANNOUNCED, ScreenedPage, announcement_of, read_page
from idc_gateway.slides.screened_store import ScreenedStore

logger = logging.getLogger(__name__)

AT_ONCE: Final = 100
LOOK_EVERY_S: Final = 3.0
"""How late an alarm may learn of a slide, which took minutes; each look costs two services 2 ms."""
RETRY_S: Final = 5.0


@dataclass
class ScreenedFollower:
    """The background task that asks for the slides behind the last one that was announced.

    The service lists a slide until it is asked for what follows. Here, the slide's event, its audit record and its
    number are stored in one transaction, and its message id is known again where the list is read twice.
    """

    connection: SlidesConnection
    store: ScreenedStore
    outbox: Outbox
    backlog: Backlog
    leadership: Leadership
    site: str
    device: str
    clock: Callable[[], datetime] = utc_now
    look_every_s: float = LOOK_EVERY_S
    retry_s: float = RETRY_S
    trouble: str | None = None
    """Why the last look failed; None where it did not."""

    async def run(self) -> None:
        while True:
            try:
                is_more = await self.turn()
            except GatewayError as exc:
                if self.trouble is None:
                    logger.warning("screened slides wait: %s", exc)
                self.trouble = str(exc)
                await asyncio.sleep(self.retry_s)
                continue
            if self.trouble is not None:
                logger.info("the slides service answers again")
                self.trouble = None
            if not is_more:
                await asyncio.sleep(self.look_every_s)

    async def turn(self) -> bool:
        """Announce what follows the last slide; whether there may be more.

        Raises:
            GatewayError: The slides service or the database does not work, or too many messages wait; nothing was
                stored.
        """
        if self.leadership is not ALONE and not await executors.background(self.leadership.hold):
            return False
        after = await executors.background(self.store.last)
        page = await self._page(after)
        if page.last < after:
            logger.warning("the slides service's list ends at %d: reading it from its start", page.last)
            page = await self._page(0)
        if page.items or page.last < after:
            await self._announce(page)
        return len(page.items) >= AT_ONCE

    async def _page(self, after: int) -> ScreenedPage:
        query = {"after": str(after), "limit": str(AT_ONCE)}
        answer = await self.connection.ask("GET", "/screened", query=query)
        document = await answer.read()
        if answer.status != 200:
            raise SlidesBroken(f"the slides service answers {answer.status} where it lists screened slides")
        return read_page(document)

    async def _announce(self, page: ScreenedPage) -> None:
        self.backlog.check_room()
        now = self.clock()
        announcements = [announcement_of(entry, site=self.site, device=self.device, now=now) for entry in page.items]
        for one in announcements:
            if one.event.action == NOT_ANNOUNCED:
                logger.error("a screened slide cannot be announced: %s", one.event.details["reason"])
        last = max((one.number for one in announcements), default=page.last)
        self.outbox.take(await executors.background(self.store.record, announcements, last, now))
