"""Slides that came, moved on, ended or went. The slides service is asked once a second for all open pages together."""

import json
from http import HTTPStatus
from typing import Any, Final

from idc_gateway.errors import SlidesBroken
from idc_gateway.live.changes import Changes
from idc_gateway.slides.connection import SlidesConnection

_NEWEST: Final = 20
_MOVING: Final = ("running", "waiting")
_MOST_MOVING: Final = 100
"""Of each of these states."""


class SlideWatch:
    def __init__(self, connection: SlidesConnection) -> None:
        self._connection = connection
        self._known: dict[str, Any] = {}
        """Records by id: the newest slides, and those on their way."""
        self._moving: set[str] = set()
        self._total: int | None = None

    def forget(self) -> None:
        self._known, self._moving, self._total = {}, set(), None

    async def look(self, changes: Changes) -> None:
        newest, total = await self._page(limit=_NEWEST)
        seen = dict(newest)
        for state in _MOVING:
            seen |= (await self._page(limit=_MOST_MOVING, state=state))[0]
        if self._total is None:
            changes.put_reload()
        else:
            new = newest.keys() - self._known.keys()
            if total != self._total + len(new):
                changes.put_reload()  # some were deleted, or more came than were looked at
            for slide_id, slide in seen.items():
                if slide != self._known.get(slide_id):
                    changes.put("slide", slide_id, json.dumps(slide))
            for slide_id in self._moving - seen.keys():
                await self._tell(slide_id, changes)
        self._known, self._total = seen, total
        # By what was seen of them: one that is deleted between two of these lists is missing in the second one alone.
        self._moving = {slide_id for slide_id, slide in seen.items() if slide["state"] in _MOVING}

    async def _tell(self, slide_id: str, changes: Changes) -> None:
        """What became of a slide that is on its way no more."""
        status, slide = await self._ask(f"/slides/{slide_id}")
        if status == HTTPStatus.OK:
            changes.put("slide", slide_id, json.dumps(slide))
        elif status == HTTPStatus.NOT_FOUND:
            changes.put("slide-removed", slide_id, json.dumps({"id": slide_id}))

    async def _page(self, **query: Any) -> tuple[dict[str, Any], int]:
        status, page = await self._ask("/slides", **query)
        if status != HTTPStatus.OK:
            raise SlidesBroken(f"the slides service answers {status} where it lists slides")
        try:
            return {slide["id"]: slide for slide in page["items"] if slide["state"]}, page["total"]
        except (KeyError, TypeError) as exc:
            raise SlidesBroken("the slides service's list of slides is invalid") from exc

    async def _ask(self, path: str, **query: Any) -> tuple[int, Any]:
        answer = await self._connection.ask("GET", path, query={name: str(value) for name, value in query.items()})
        document = await answer.read()
        try:
            return answer.status, json.loads(document)
        except ValueError as exc:
            raise SlidesBroken(f"the slides service's answer to {path} is not JSON") from exc
