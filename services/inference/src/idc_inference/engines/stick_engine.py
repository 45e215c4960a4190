"""Runs a bundle's ONNX graph on a Neural Compute Stick, in a worker process with the last OpenVINO that supports it.

The worker (`services/inference/ncs`) has its own environment: that OpenVINO needs another Python and numpy.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.engines.stick_worker import StickWorker, WorkerFailed
from idc_inference.errors import DeviceUnavailable, ModelUnavailable
from idc_modelio.outputs import Outputs

logger = logging.getLogger(__name__)

START_TIMEOUT_S: Final = 60.0
"""The stick loads its firmware and the graph; it took 13 s on a USB 2 port in 2018."""


class StickEngine:
    """An engine whose worker is started again where it ended."""

    slots = 1
    least_chunk = 1
    computes_in_caller = False

    def __init__(
        self,
        model_path: Path,
        command: Sequence[str],
        device: str,
        *,
        chunk_patches: int,
        answer_timeout_s: float = 5.0,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        """Start the worker.

        Args:
            model_path: The graph with static batch 1, `model.onnx`.
            command: The worker's program.
            device: As that OpenVINO names it: `MYRIAD`, or `CPU` to try the worker without a stick.
            chunk_patches: Most patches in one exchange.
            answer_timeout_s: How long the worker may take for one exchange before it is killed.
            start_timeout_s: How long it may take to start.

        Raises:
            ModelUnavailable: There is no worker, no stick, or the stick cannot run the graph.
        """
        self.chunk_patches = chunk_patches
        self.device = device
        self._command = [*command, str(model_path), device]
        self._answer_timeout_s, self._start_timeout_s = answer_timeout_s, start_timeout_s
        self._lock = Lock()
        self._is_closed = False
        self._worker = self._open()
        self.outputs = self._worker.outputs

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        with self._lock:
            try:
                if self._worker.poll() is not None:
                    self._worker = self._open()
                return self._worker.ask(patches, self._answer_timeout_s)
            except (WorkerFailed, ModelUnavailable) as exc:
                raise DeviceUnavailable(f"the device {self.device} failed: {exc}") from exc
            except BaseException as exc:  # the next exchange begins with a new worker
                self._worker.kill()
                logger.exception("the exchange with the stick's worker failed")
                raise DeviceUnavailable(f"the device {self.device} failed: the service's log says why") from exc

    def close(self) -> None:
        """End the worker, which frees the stick; kill it where it is busy."""
        self._is_closed = True
        if not self._lock.acquire(blocking=False):
            self._worker.kill()  # `infer` then ends and releases the lock
            self._lock.acquire()
        self._worker.end()
        self._lock.release()

    def _open(self) -> StickWorker:
        if self._is_closed:
            raise ModelUnavailable("the model is being unloaded")
        try:
            worker = self._worker = StickWorker(self._command)
        except OSError as exc:
            raise ModelUnavailable(
                f"device 'NCS' needs the stick's worker, which the image inference-ncs has: {exc}"
            ) from exc
        try:
            hello = worker.hello(self._start_timeout_s)
            if "error" not in hello:
                self._first_inference(worker, hello)
        except WorkerFailed as exc:
            raise ModelUnavailable(f"the stick's worker did not start: {exc}") from exc
        if "error" in hello:
            worker.end()
            raise ModelUnavailable(f"device 'NCS' cannot run {self._command[-2]}: {hello['error']}")
        logger.info("the stick's worker runs on %s", self.device, extra={"available": hello.get("available")})
        return worker

    def _first_inference(self, worker: StickWorker, hello: dict[str, Any]) -> None:
        """A stick that opens but computes nothing must fail here, where another device can take its place."""
        height_px, width_px = hello.get("height_px"), hello.get("width_px")
        if isinstance(height_px, int) and isinstance(width_px, int):
            worker.ask(np.zeros((1, height_px, width_px, 3), np.uint8), 2 * self._answer_timeout_s)
