"""uvicorn that sleeps without requests."""

import asyncio
import gc
import sys
from contextlib import suppress
from typing import Final

import uvicorn

TICK_S: Final = 1.0
"""The `Date` header has seconds."""
EXIT_NOT_STARTED: Final = 3
"""As `uvicorn.run` has it."""


class QuietServer(uvicorn.Server):
    """Wakes once a second, and at once to exit; uvicorn's own loop looks ten times a second, 0.14 % of a core."""

    def __init__(self, config: uvicorn.Config, *, tick_s: float = TICK_S) -> None:
        self._should_exit = False
        self._serving_loop: asyncio.AbstractEventLoop | None = None
        self._exiting = asyncio.Event()
        self._tick_s = tick_s
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        """Whether to end. Signal handlers and other threads may set it."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._serving_loop is not None:
            self._serving_loop.call_soon_threadsafe(self._exiting.set)

    async def main_loop(self) -> None:
        self._serving_loop = asyncio.get_running_loop()
        # What there is now stays as long as the process. Looking for garbage in it again and again took a fifth of the
        # gateway's processor time under load.
        gc.collect()
        gc.freeze()
        while not await self.on_tick(0):  # uvicorn renews the header at multiples of ten
            with suppress(TimeoutError):
                async with asyncio.timeout(self._tick_s):
                    await self._exiting.wait()


def serve(config: uvicorn.Config) -> None:
    """Serve until a signal ends it, as `uvicorn.run` does.

    Raises:
        SystemExit: The application did not start.
    """
    server = QuietServer(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(EXIT_NOT_STARTED)
