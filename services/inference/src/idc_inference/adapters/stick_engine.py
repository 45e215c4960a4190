"""Runs a bundle's ONNX graph on a Neural Compute Stick, by a worker process with the last OpenVINO that knows it.

The worker (`services/inference/ncs`) lives in an environment of its own: that OpenVINO needs another Python and numpy.
"""

import json
import logging
import os
import select
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import EngineFailed, ModelUnavailable
from idc_inference.ports import Done

logger = logging.getLogger(__name__)

START_TIMEOUT_S: Final = 60.0
"""The stick loads its firmware and the graph; it took 13 s on a USB 2 port in 2018."""
ANSWER_TIMEOUT_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 5.0
MAX_TEXT_BYTES: Final = 4096


class StickEngine:
    """See `Engine`. The graph is compiled once and the stick opened once; a worker that ended is started again."""

    def __init__(self, model_path: Path, command: Sequence[str], device: str, *, chunk_patches: int) -> None:
        """Start the worker.

        Args:
            model_path: The graph with static batch 1, `model.onnx`.
            command: The worker's program.
            device: As that OpenVINO names it: `MYRIAD`; `CPU` to try the worker without a stick.
            chunk_patches: Most patches in one exchange.

        Raises:
            ModelUnavailable: There is no worker, no stick, or the stick cannot run the graph.
        """
        self.chunk_patches = chunk_patches
        self.device = device
        self._command = [*command, str(model_path), device]
        self._lock = Lock()
        self._worker = self._start()

    def start(self, patches: NDArray[np.uint8], done: Done) -> None:
        """Run one chunk and wait for it: the stick does one thing at a time. See `Engine.start`."""
        with self._lock:
            result: NDArray[np.float32] | EngineFailed
            try:
                if self._worker.poll() is not None:
                    self._worker = self._start()
                result = self._ask(patches)
            except (OSError, ModelUnavailable) as exc:
                self._end(CLOSE_TIMEOUT_S)
                result = EngineFailed(f"the device {self.device} failed: {exc}")
        done(result)

    def close(self) -> None:
        """Let the worker end and the stick go. See `Engine.close`."""
        with self._lock:
            self._end(CLOSE_TIMEOUT_S)

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            worker = subprocess.Popen(  # noqa: S603 - the settings name the program
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except OSError as exc:
            raise ModelUnavailable(
                f"device 'NCS' needs the stick's worker, which the image inference-ncs has: {exc}"
            ) from exc
        self._worker = worker
        try:
            hello = json.loads(self._read_line(time.monotonic() + START_TIMEOUT_S))
        except (OSError, ValueError) as exc:
            self._end(0.0)
            raise ModelUnavailable(f"the stick's worker did not start: {exc}") from exc
        if "error" in hello:
            self._end(CLOSE_TIMEOUT_S)
            raise ModelUnavailable(f"device 'NCS' cannot run {self._command[-2]}: {hello['error']}")
        logger.info("the stick's worker runs on %s", self.device, extra={"available": hello.get("available")})
        return worker

    def _ask(self, patches: NDArray[np.uint8]) -> NDArray[np.float32] | EngineFailed:
        deadline_s = time.monotonic() + ANSWER_TIMEOUT_S
        self._write(struct.pack("<I", len(patches)) + patches.tobytes())
        if self._read(1, deadline_s) == b"\0":
            return np.frombuffer(self._read(4 * len(patches), deadline_s), "<f4").astype(np.float32)
        (length,) = struct.unpack("<I", self._read(4, deadline_s))
        text = self._read(min(length, MAX_TEXT_BYTES), deadline_s).decode(errors="replace")
        return EngineFailed(f"the device {self.device} failed: {text}")

    def _write(self, data: bytes) -> None:
        assert self._worker.stdin is not None  # noqa: S101 - it was opened as a pipe
        view = memoryview(data)
        while view:
            view = view[self._worker.stdin.write(view) or 0 :]

    def _read_line(self, deadline_s: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            if len(line) > MAX_TEXT_BYTES:
                raise OSError("its first line is too long")
            line += self._read(1, deadline_s)
        return line

    def _read(self, size: int, deadline_s: float) -> bytes:
        """So many bytes.

        Raises:
            OSError: The worker ended, or did not answer in time.
        """
        assert self._worker.stdout is not None  # noqa: S101 - it was opened as a pipe
        data = b""
        while len(data) < size:
            ready, _, _ = select.select([self._worker.stdout], [], [], max(deadline_s - time.monotonic(), 0.0))
            if not ready:
                raise TimeoutError("its worker did not answer in time")
            piece = os.read(self._worker.stdout.fileno(), size - len(data))
            if not piece:
                raise ConnectionError("its worker ended")
            data += piece
        return data

    def _end(self, timeout_s: float) -> None:
        worker = self._worker
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                pipe.close()
        try:
            worker.wait(timeout_s)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
