"""The stick's worker process, over a socket pair that is its standard input and output.

Each message has a deadline, for writing as for reading. After any failure the worker is killed: bytes that are left in
the pair must not become the next answer.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from idc_modelio.outputs import PROBABILITY, Outputs

END_TIMEOUT_S: Final = 3.0
MAX_TEXT_BYTES: Final = 4096


_running: Final["weakref.WeakSet[StickWorker]"] = weakref.WeakSet()
_is_ending: Final = threading.Event()
"""Set when the process ends: no worker is started any more."""


class WorkerFailed(Exception):
    """The worker ended, hangs, or broke the protocol; it has been killed."""


class StickWorker:
    """One process. One thread at a time uses it; any thread may kill it."""

    outputs: tuple[str, ...] = (PROBABILITY,)
    """What it computes, in its order; `hello` says it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process.

        Raises:
            OSError: The program cannot be started, or the process is ending.
        """
        if _is_ending.is_set():
            raise OSError("the process is ending")
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the settings name the program
                    command, stdin=theirs.fileno(), stdout=theirs.fileno(), start_new_session=True
                )
            except OSError:
                self._socket.close()
                raise
        _running.add(self)

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def hello(self, timeout_s: float) -> dict[str, Any]:
        """Read its first message.

        Raises:
            WorkerFailed: There was none in time, or it cannot be read.
        """
        try:
            message = json.loads(self._read_line(time.monotonic() + timeout_s))
        except OSError as exc:
            self._fail(str(exc), exc)
        except (ValueError, RecursionError) as exc:
            self._fail("its first line is not a worker's message", exc)
        if not isinstance(message, dict):
            self._fail("its first line is not a worker's message")
        if isinstance(message.get("outputs"), list):
            self.outputs = tuple(map(str, message["outputs"]))
        return message

    def ask(self, patches: NDArray[np.uint8], timeout_s: float) -> Outputs:
        """Score RGB patches, uint8, shape (N, height, width, 3); gives each of `outputs`, float32, shape (N,).

        Raises:
            WorkerFailed: With the worker's own error text, where it sent one.
        """
        try:
            answer = self._exchange(patches, time.monotonic() + timeout_s)
        except OSError as exc:
            self._fail(str(exc), exc)
        if isinstance(answer, str):
            self._fail(answer)
        return answer

    def end(self) -> None:
        """Let it end, and kill it where it does not."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self.kill()
        self._socket.close()

    def kill(self) -> None:
        """Kill it and its children; a process that hangs in the kernel is left to the kernel."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_TIMEOUT_S)

    def _fail(self, why: str, cause: BaseException | None = None) -> NoReturn:
        self.kill()
        self._socket.close()
        raise WorkerFailed(why) from cause

    def _exchange(self, patches: NDArray[np.uint8], deadline_s: float) -> Outputs | str:
        """The outputs, or the worker's error text."""
        if select.select([self._socket], [], [], 0.0)[0]:
            raise ConnectionError("its worker ended or sent bytes without a request")
        self._write(struct.pack("<I", len(patches)) + patches.tobytes(), deadline_s)
        status = self._read(1, deadline_s)
        if status == b"\0":
            return {name: self._values(name, len(patches), deadline_s) for name in self.outputs}
        if status != b"\1":
            raise ConnectionError("its worker sent an unknown status")
        (length,) = struct.unpack("<I", self._read(4, deadline_s))
        return self._read(min(length, MAX_TEXT_BYTES), deadline_s).decode(errors="replace")

    def _values(self, name: str, count: int, deadline_s: float) -> NDArray[np.float32]:
        values = np.frombuffer(self._read(4 * count, deadline_s), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise ConnectionError(f"its worker sent values of {name} that are not numbers")
        if name == PROBABILITY and not np.all((values >= -0.01) & (values <= 1.01)):
            raise ConnectionError("its worker sent values that are not probabilities")
        return values

    def _write(self, data: bytes, deadline_s: float) -> None:
        self._socket.settimeout(max(deadline_s - time.monotonic(), 0.001))
        try:
            self._socket.sendall(data)
        except TimeoutError as exc:
            raise TimeoutError("its worker did not read in time") from exc

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
            self._socket.settimeout(max(deadline_s - time.monotonic(), 0.001))
            try:
                piece = self._socket.recv(size - len(data))
            except TimeoutError as exc:
                raise TimeoutError("its worker did not answer in time") from exc
            if not piece:
                raise ConnectionError("its worker ended")
            data += piece
        return data


def kill_workers() -> None:
    """Kill all workers of this process: one that hangs would outlive it and keep the stick."""
    _is_ending.set()
    for worker in list(_running):
        worker.kill()
