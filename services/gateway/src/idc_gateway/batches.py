"""One long request: its parts are read, classified and answered at the same time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from idc_gateway.outcomes import Outcome
from idc_gateway.uploads import UploadPart

PARTS_AT_ONCE: Final = 2
"""While one part is stored, the next is classified."""

Classify = Callable[[UploadPart], Awaitable[list[Outcome]]]


async def outcomes_in_order(parts: AsyncIterator[UploadPart], classify: Classify) -> AsyncIterator[list[Outcome]]:
    """Classify each part; hand the outcomes on in the order of the parts.

    Args:
        parts: As they are read.
        classify: Classifies one; it runs for at most `PARTS_AT_ONCE` parts together.

    Raises:
        Exception: What `parts` or `classify` raises, after the outcomes of the parts before.
    """
    under_way: deque[asyncio.Task[list[Outcome]]] = deque()
    broken: Exception | None = None
    try:
        try:
            async for part in parts:
                if len(under_way) == PARTS_AT_ONCE:
                    yield await under_way.popleft()
                under_way.append(asyncio.ensure_future(classify(part)))
        except Exception as exc:  # noqa: BLE001 - raised again below, after the outcomes of what came before it
            broken = exc
        while under_way:
            yield await under_way.popleft()
        if broken is not None:
            raise broken
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def read_ahead(batches: AsyncIterator[list[Outcome]]) -> AsyncIterator[list[Outcome]]:
    """The same outcomes, produced even while nobody takes them.

    A client that sends its whole body before it reads the answer would else wait for ever: the gateway for the client
    to read, the client for the gateway. What piles up is bounded by the images of one request.

    Raises:
        Exception: What `batches` raises.
    """
    ready: asyncio.Queue[list[Outcome] | None] = asyncio.Queue()

    async def produce() -> None:
        try:
            async for batch in batches:
                ready.put_nowait(batch)
        finally:
            ready.put_nowait(None)

    producing = asyncio.ensure_future(produce())
    try:
        while (batch := await ready.get()) is not None:
            yield batch
        await producing
    finally:
        producing.cancel()
        await asyncio.gather(producing, return_exceptions=True)
