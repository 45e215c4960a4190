"""One long request: its parts are read, classified and answered at the same time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final

from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.uploads import UploadPart

PARTS_AT_ONCE: Final = 2
"""While one part is stored, the next is classified."""

Classify = Callable[[UploadPart], Awaitable[list[Outcome]]]


async def outcomes_in_order(
    parts: AsyncIterator[UploadPart], classify: Classify
) -> AsyncGenerator[list[Outcome], None]:
    """Classify each part; hand the outcomes on in the order of the parts, each as soon as it is there.

    Parts are read and classified even while no outcome is consumed: a client that sends its whole body before it
    reads the answer would otherwise wait without end, the gateway for the client to read and the client for the
    gateway. What piles up is bounded by the images of one request.

    Args:
        parts: As they are read.
        classify: Classifies one; it runs for at most `PARTS_AT_ONCE` parts together.

    Raises:
        Exception: What `parts` or `classify` raises, after the outcomes of the parts before.
    """
    under_way: asyncio.Queue[asyncio.Task[list[Outcome]]] = asyncio.Queue()
    tasks: set[asyncio.Task[list[Outcome]]] = set()
    room = asyncio.Semaphore(PARTS_AT_ONCE)

    async def handle(part: UploadPart) -> list[Outcome]:
        try:
            return await classify(part)
        finally:
            room.release()

    async def read() -> list[Outcome]:
        async for part in parts:
            await room.acquire()
            task = asyncio.ensure_future(handle(part))
            tasks.add(task)
            under_way.put_nowait(task)
        return []

    reading = asyncio.ensure_future(read())
    # The end of the reading, or its error, is queued behind the parts.
    reading.add_done_callback(under_way.put_nowait)
    tasks.add(reading)
    try:
        while (task := await under_way.get()) is not reading:
            yield await task
        await reading
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
