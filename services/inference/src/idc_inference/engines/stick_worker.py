"""The stick's worker process, spoken to over pipes: nothing that it does or leaves undone holds anyone up.

Each message has a deadline, for writing as for reading. After any failure the worker is killed, for the bytes in its
pipes belong to nobody any more.
"""

import json
import os
import select
import signal
import struct
import subprocess
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

END_TIMEOUT_S: Final = 3.0
MAX_TEXT_BYTES: Final = 4096


_running: Final["weakref.WeakSet[StickWorker]"] = weakref.WeakSet()


class WorkerFailed(Exception):
    """The worker ended, hangs, or said what it must not; it has been killed."""


class StickWorker:
    """One process. One thread uses it; any thread may kill it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it.

        Raises:
            OSError: The program cannot be started.
        """
        self._process = subprocess.Popen(  # noqa: S603 - the settings name the program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        assert self._process.stdin is not None  # noqa: S101 - opened as pipes
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin, self._process.stdout
        _running.add(self)
        os.set_blocking(self._in.fileno(), False)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def hello(self, timeout_s: float) -> dict[str, Any]:
        """What it says first.

        Raises:
            WorkerFailed: It said nothing in time, or nothing that can be read.
        """
        try:
            said = json.loads(self._read_line(time.monotonic() + timeout_s))
        except OSError as exc:
            self._fail(str(exc), exc)
        except (ValueError, RecursionError) as exc:
            self._fail("its first line is not what a worker says", exc)
        if not isinstance(said, dict):
            self._fail("its first line is not what a worker says")
        return said

    def ask(self, patches: NDArray[np.uint8], timeout_s: float) -> NDArray[np.float32]:
        """P(IDC), float32, shape (N,), of RGB patches, uint8, shape (N, height, width, 3).

        Raises:
            WorkerFailed: With the worker's own words, where it has some.
        """
        try:
            answer = self._exchange(patches, time.monotonic() + timeout_s)
        except OSError as exc:
            self._fail(str(exc), exc)
        if isinstance(answer, str):
            self._fail(answer)
        return answer

    def end(self) -> None:
        """Ask it to end, and kill it where it does not."""
        with suppress(OSError):
            self._in.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self.kill()
        self._out.close()

    def kill(self) -> None:
        """End it and what it started at once; a process that hangs in the kernel is left to the kernel."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_TIMEOUT_S)

    def _fail(self, why: str, cause: BaseException | None = None) -> NoReturn:
        self.kill()
        with suppress(OSError):
            self._in.close()
        self._out.close()
        raise WorkerFailed(why) from cause

    def _exchange(self, patches: NDArray[np.uint8], deadline_s: float) -> NDArray[np.float32] | str:
        """Probabilities, or the worker's words of what went wrong."""
        if select.select([self._out], [], [], 0.0)[0]:
            raise ConnectionError("its worker ended or spoke without a question")
        self._write(struct.pack("<I", len(patches)) + patches.tobytes(), deadline_s)
        status = self._read(1, deadline_s)
        if status == b"\0":
            return self._probabilities(len(patches), deadline_s)
        if status != b"\1":
            raise ConnectionError("its worker answered what is no answer")
        (length,) = struct.unpack("<I", self._read(4, deadline_s))
        return self._read(min(length, MAX_TEXT_BYTES), deadline_s).decode(errors="replace")

    def _probabilities(self, count: int, deadline_s: float) -> NDArray[np.float32]:
        values = np.frombuffer(self._read(4 * count, deadline_s), "<f4").astype(np.float32)
        if not np.all((values >= -0.01) & (values <= 1.01)):
            raise ConnectionError("its worker answered what is no probability")
        return values

    def _write(self, data: bytes, deadline_s: float) -> None:
        view = memoryview(data)
        while view:
            _, ready, _ = select.select([], [self._in], [], max(deadline_s - time.monotonic(), 0.0))
            if not ready:
                raise TimeoutError("its worker did not read in time")
            view = view[self._in.write(view) or 0 :]

    def _read_line(self, deadline_s: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            if len(line) > MAX_TEXT_BYTES:
                raise ConnectionError("its first line is too long")
            line += self._read(1, deadline_s)
        return line

    def _read(self, size: int, deadline_s: float) -> bytes:
        data = b""
        while len(data) < size:
            ready, _, _ = select.select([self._out], [], [], max(deadline_s - time.monotonic(), 0.0))
            if not ready:
                raise TimeoutError("its worker did not answer in time")
            piece = os.read(self._out.fileno(), size - len(data))
            if not piece:
                raise ConnectionError("its worker ended")
            data += piece
        return data


def kill_workers() -> None:
    """End all workers of this process: one that hangs would outlive it and keep the stick."""
    for worker in list(_running):
        worker.kill()
