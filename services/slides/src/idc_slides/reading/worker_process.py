"""The parent's side of one worker process."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Final

from idc_slides.reading.limits import Limits

MAX_HEADER_BYTES: Final = 2**20
END_TIMEOUT_S: Final = 3.0
ENVIRONMENT: Final = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""All that the worker gets of the environment: no secret is in it."""


class WorkerDied(Exception):
    """The worker ended or broke its protocol; it is no more."""


class WorkerHung(WorkerDied):
    """The worker took too long and was killed."""


class WorkerProcess:
    """One process; one thread at a time asks it."""

    def __init__(self, limits: Limits) -> None:
        """Start the process.

        Raises:
            OSError: It cannot be started.
        """
        self._socket, theirs = socket.socketpair()
        self._connection = Connection(os.dup(self._socket.fileno()))
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [
                        *(sys.executable, "-I", "-m", "idc_slides.decoding"),
                        *map(str, (theirs.fileno(), limits.memory_bytes, limits.cpu_s)),
                    ],
                    env=ENVIRONMENT,
                    cwd="/",
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError:
                self._close()
                raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], timeout_s: float, pixel_bytes: int = 0) -> tuple[dict[str, Any], bytes]:
        """Send a request and await its answer.

        Args:
            request: As `idc_slides.decoding` reads it.
            timeout_s: After it the worker is killed.
            pixel_bytes: How many bytes of pixels a good answer has.

        Returns:
            The answer, and its pixels; none where it has the key `error`.

        Raises:
            WorkerDied: It is no more.
            WorkerHung: It was killed.
        """
        with self._killed_after(timeout_s):
            try:
                self._connection.send_bytes(json.dumps(request).encode())
                answer = dict(json.loads(self._connection.recv_bytes(MAX_HEADER_BYTES)))
                pixels = self._connection.recv_bytes(pixel_bytes) if pixel_bytes and "error" not in answer else b""
            except (OSError, EOFError, ValueError, TypeError, RecursionError) as exc:
                self.kill()
                raise WorkerDied(f"the worker ended with code {self._process.poll()}") from exc
        if len(pixels) != (0 if "error" in answer else pixel_bytes):
            self.kill()
            raise WorkerDied("the worker sent too few pixels")
        return answer, pixels

    def kill(self) -> None:
        """End the process; one that hangs in the kernel is left to the kernel."""
        self._send_kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self._close()

    def _send_kill(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _close(self) -> None:
        self._socket.close()
        self._connection.close()

    @contextmanager
    def _killed_after(self, timeout_s: float) -> Iterator[None]:
        hung = threading.Event()

        def end() -> None:
            hung.set()
            self._send_kill()
            with suppress(OSError):  # wakes the reading thread even where the kernel cannot end the process
                self._socket.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(timeout_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except WorkerDied as exc:
            if hung.is_set():
                raise WorkerHung(f"the worker did not answer within {timeout_s:g} s") from exc
            raise
        finally:
            timer.cancel()
