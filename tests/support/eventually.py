"""Waits for a fact with a bound that a busy machine does not reach."""

import asyncio
import time
from collections.abc import Callable


async def eventually(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Poll until a condition holds, while the other tasks go on.

    Raises:
        TimeoutError: It did not hold in time.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - any condition, not one event
            await asyncio.sleep(0.005)


def wait_until(condition: Callable[[], bool], fact: str, timeout_s: float = 60.0) -> None:
    """Poll until a fact is true.

    Raises:
        TimeoutError: It did not become true in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {fact}")
        time.sleep(0.02)
