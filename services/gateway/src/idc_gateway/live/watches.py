"""What looks for changes while a page is open. Each look is cheap, and one is made for all pages together."""

from collections.abc import Callable
from typing import Protocol

from idc_gateway.live.changes import Changes


class Watch(Protocol):
    """Looks for changes of one kind."""

    def forget(self) -> None:
        """Forget what was seen: nobody listened for a while, or a look failed."""

    async def look(self, changes: Changes) -> None:
        """Put what is new since the last look.

        The first look learns what there is. It tells either all of that, or `reload`: what changed between a page's own
        look and this one was not seen.

        Raises:
            GatewayError: What is looked at does not work; the next look tries again.
        """


class AlarmWatch:
    """The alarms as they report themselves."""

    def __init__(self, document_of_all: Callable[[], str]) -> None:
        """Take what writes all alarms as JSON."""
        self._document_of_all = document_of_all
        self._seen = ""

    def forget(self) -> None:
        self._seen = ""

    async def look(self, changes: Changes) -> None:
        document = self._document_of_all()
        if document != self._seen:
            self._seen = document
            changes.put("alarms", "", document)
