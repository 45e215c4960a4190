"""What routes take: the rooms, the caller, small bodies, and threads for what blocks."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, ParamSpec, TypeVar
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from idc_slides.errors import BadInput
from idc_slides.web.rooms import Rooms

MAX_BODY_BYTES: Final = 16 * 1024
BODY_TIMEOUT_S: Final = 10.0

P = ParamSpec("P")
T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


async def _rooms_of(request: Request) -> Rooms:
    rooms: Rooms = request.app.state.rooms
    return rooms


async def _caller_of(x_idc_caller: Annotated[str, Header(max_length=2048)] = "") -> str:
    """The person or key that the gateway checked."""
    name = unquote(x_idc_caller, errors="replace").strip()[:128]
    if not name:
        raise BadInput("the header X-IDC-Caller is missing: the gateway names the caller in it")
    return name


RoomsDep = Annotated[Rooms, Depends(_rooms_of)]
Caller = Annotated[str, Depends(_caller_of)]


async def small_body(request: Request, model: type[ModelT]) -> ModelT:
    """A JSON body of at most `MAX_BODY_BYTES`.

    Raises:
        BadInput: It is longer, or too slow.
        RequestValidationError: It does not fit the model.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise BadInput(f"a body may have at most {MAX_BODY_BYTES} bytes here; files go to /slides/uploads")
    except TimeoutError as exc:
        raise BadInput(f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s: send it without a pause") from exc
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as exc:
        raise RequestValidationError(exc.errors(include_input=False, include_url=False)) from exc


class Threads:
    """Threads for one kind of work: what is slow or hangs in one kind costs the others nothing."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiter: CapacityLimiter | None = None

    async def __call__(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something in a thread, in its turn."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(self._most)
        return await to_thread.run_sync(lambda: do(*args, **kwargs), limiter=self._limiter)


records: Final = Threads(8)
"""Reads and writes of records."""
cells: Final = Threads(4)
"""What needs all cells of a slide: the grid, reviews, exports."""
pictures: Final = Threads(8)
"""Tiles and cells from files, some of which hang."""
uploads: Final = Threads(8)
"""Writes of uploads."""
buckets: Final = Threads(4)
"""Questions to S3 servers, some of which hang."""
health: Final = Threads(2)
"""Checks of the database."""
