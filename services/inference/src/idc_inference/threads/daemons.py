"""Threads for work that may hang: the process can end without them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def start_daemon(name: str, work: Callable[[], object]) -> threading.Thread:
    """Run `work` in a thread that the process does not wait for."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def run_within(timeout_s: float, name: str, work: Callable[[], object]) -> bool:
    """Run `work` in a thread; return whether it ended in time."""
    thread = start_daemon(name, work)
    thread.join(timeout_s)
    return not thread.is_alive()


def begin(name: str, work: Callable[[], Result]) -> Future[Result]:
    """Run `work` in its own thread; the future gets its result or exception."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - it goes to the future
            future.set_exception(exc)

    start_daemon(name, run)
    return future


async def aside(name: str, work: Callable[[], Result]) -> Result:
    """Like `begin`, awaited."""
    return await asyncio.wrap_future(begin(name, work))
