"""Shares one device between requests: they take turns chunk by chunk, and small ones share a chunk."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.engines.engine import Engine
from idc_inference.errors import DeviceUnavailable, EngineFailed
from idc_inference.metrics import Metrics
from idc_inference.scheduling.chunk_line import ChunkLine
from idc_inference.scheduling.device_health import DeviceHealth
from idc_inference.scheduling.jobs import Chunk, Job, Scored
from idc_inference.scheduling.open_jobs import OpenJobs
from idc_inference.threads.daemons import run_within, start_daemon
from idc_modelio.bundles import SelfTestVector
from idc_modelio.outputs import Outputs

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S: Final = 0.5
CLOSE_TIMEOUT_S: Final = 5.0
"""How long a device may take to close before it is abandoned."""


class Scheduler:
    """One thread for each slot of an engine, and one that watches the time.

    A single patch never waits for the whole of a large batch. Patches that wait while the device is busy share a chunk;
    none waits in order to share one.

    The engine may hang, raise or return nonsense: the watching thread keeps the deadlines whatever the engine does, and
    `trouble` says that the device cannot be relied on.
    """

    def __init__(
        self, engine: Engine, metrics: Metrics, *, device_timeout_s: float = 5.0, probe_interval_s: float = 2.0
    ) -> None:
        """Start the threads; `close` ends them and closes the engine.

        Args:
            engine: Computes the chunks.
            metrics: Counts them.
            device_timeout_s: A chunk that takes longer means that the device hangs.
            probe_interval_s: How often the device computes a patch whose result is known, once `watch` was called.
        """
        self._engine, self._metrics = engine, metrics
        self.outputs = engine.outputs
        """The names of what is computed for each patch."""
        lock = threading.RLock()
        self._has_work, self._is_free = threading.Condition(lock), threading.Condition(lock)
        self._open = OpenJobs()
        self._is_closing = False
        self._ended = threading.Event()
        self._refusal = ""
        self._is_broken = False
        self.executions = 0
        """Chunks that the device computed, without probes."""
        self._health = DeviceHealth(engine.device, engine.slots, device_timeout_s, probe_interval_s)
        self._line = ChunkLine(engine, self._health)
        for _ in range(engine.slots):
            start_daemon("device", self._serve)
        self._watcher = start_daemon("device-watch", self._watch)

    @property
    def depth(self) -> int:
        """Jobs that wait for the device."""
        return len(self._line)

    def trouble(self) -> str:
        """Why the device cannot be relied on now; empty where it can."""
        if self._is_closing:
            return ""
        if self._is_broken or not self._watcher.is_alive():
            return f"a thread of the device {self._engine.device} has ended"
        with self._has_work:
            return self._health.trouble()

    def watch(self, probe: SelfTestVector, device_timeout_s: float) -> None:
        """Probe the device at intervals, now that it is known to answer.

        Args:
            probe: One patch with its known results.
            device_timeout_s: A chunk that takes longer from now on means that the device hangs.
        """
        with self._has_work:
            self._health.watch(probe, device_timeout_s)

    def submit(
        self,
        patches: NDArray[np.uint8],
        deadline_s: float = float("inf"),
        *,
        request: object = None,
        on_done: Callable[[Future[Scored]], None] | None = None,
        may_compute: bool = False,
    ) -> Future[Scored]:
        """Score patches.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, N >= 1; contiguous.
            deadline_s: On `time.monotonic`'s clock; the future ends soon after, whatever the device does.
            request: Jobs of one request take turns with other requests as one; None for a separate request.
            on_done: Called with the future when it ends, from any thread.
            may_compute: Whether this thread may compute a chunk where the device has none: on the processor, that saves
                handing it over. Otherwise this returns at once.

        Returns:
            A future that ends with the result, DeadlineExceeded or EngineFailed. Cancel it if nobody waits for it:
            its chunks that have not begun are dropped.

        Raises:
            DeviceUnavailable: The model is being unloaded.
        """
        job = Job(patches, deadline_s, object() if request is None else request)
        if on_done is not None:
            job.future.add_done_callback(on_done)
        chunk = None
        with self._has_work:
            if self._is_closing:
                raise DeviceUnavailable("the model is being unloaded", "send the request again")
            refusal = self._refusal or (self._is_blocked() and self.trouble())
            if not refusal:
                self._open.add(job)
                self._line.add(job)
                if may_compute and self._engine.computes_in_caller and not self._health.is_computing:
                    chunk = self._line.take()
                self._wake_one()
        if refusal:
            job.future.set_exception(DeviceUnavailable(refusal))
        elif chunk is not None:
            self._compute(chunk)
        return job.future

    def suspend(self, reason: str) -> None:
        """Refuse requests while the device is opened again; end those that it cannot answer any more."""
        with self._has_work:
            self._refusal = reason
            is_lost = self._is_blocked() or bool(self._health.failure)
        if is_lost:
            self._open.end_all(reason)

    def resume(self) -> None:
        self._refusal = ""

    def close(self) -> None:
        """End what was submitted, then close the engine; a device that hangs is not waited for."""
        with self._is_free:
            self._is_closing = True
            while not (self._is_blocked() or self._is_idle()):
                self._is_free.wait(WATCH_INTERVAL_S)
            self._ended.set()
            self._has_work.notify_all()
        self._watcher.join(CLOSE_TIMEOUT_S)
        self._open.end_all("the model was unloaded while its device did not answer")
        if not run_within(CLOSE_TIMEOUT_S, "engine-closer", self._engine.close):
            logger.error("the device %s did not close within %g s: abandoned", self._engine.device, CLOSE_TIMEOUT_S)

    def _is_blocked(self) -> bool:
        """Whether nothing that waits can get to the device."""
        return self._is_broken or self._health.is_blocked()

    def _is_idle(self) -> bool:
        return self._line.is_empty and not self._health.is_busy

    def _wake_one(self) -> None:
        if self._line.has_chunk:
            self._has_work.notify()

    def _serve(self) -> None:
        try:
            while (chunk := self._next_chunk()) is not None:
                self._compute(chunk)
        except BaseException:  # `trouble` reports it, and the model is loaded again
            self._is_broken = True
            logger.exception("a thread of the device ended")

    def _next_chunk(self) -> Chunk | None:
        """Wait for work and for room on the device; None at the end."""
        with self._has_work:
            while not self._ended.is_set():
                chunk = self._line.take()
                if chunk is not None:
                    self._wake_one()
                    return chunk
                self._has_work.wait()
        return None

    def _compute(self, chunk: Chunk) -> None:
        result: Outputs | EngineFailed
        try:
            patches = [part.job.patches[part.patches] for part in chunk.parts]
            result = self._engine.infer(patches[0] if len(patches) == 1 else np.concatenate(patches))
        except EngineFailed as exc:
            result = exc
        except BaseException:  # the waiting requests get an error, and this thread continues
            logger.exception("an inference failed in an unknown way")
            result = EngineFailed(f"the device {self._engine.device} failed: the service's log says why")
        with self._has_work:
            self._health.ended(chunk)
            self._wake_one()
            if self._is_closing:
                self._is_free.notify_all()
        try:
            self._hand_out(chunk, result)
        except BaseException:
            logger.exception("the result of a chunk could not be read")
            text = f"the result of the device {self._engine.device} could not be read: the service's log says why"
            self._open.end(chunk, EngineFailed(text))

    def _hand_out(self, chunk: Chunk, result: Outputs | EngineFailed) -> None:
        if isinstance(result, EngineFailed):
            self._fail(chunk, result)
            return
        outputs = {name: np.asarray(result[name], np.float32) for name in self.outputs}
        for name, values in outputs.items():
            if values.shape != (chunk.count,):
                text = f"the graph gave {values.size} results of {name} for {chunk.count} patches"
                self._fail(chunk, EngineFailed(text))
                return
        self._open.take(chunk, outputs)
        if not all(np.isfinite(values).all() for values in outputs.values()):
            self._health.probe_soon()
        self._count(chunk)

    def _count(self, chunk: Chunk) -> None:
        count = sum(part.count for part in chunk.parts if not part.job.is_probe)
        if count:
            with self._has_work:
                self.executions += 1
            self._metrics.chunk_patches.observe(count)

    def _fail(self, chunk: Chunk, error: EngineFailed) -> None:
        """End the requests of a chunk, or run each of several by itself, so that one cannot fail the others."""
        self._health.probe_soon()
        if chunk.is_shared() and not (chunk.is_second_try or isinstance(error, DeviceUnavailable)):
            with self._has_work:
                self._line.try_again(chunk)
                self._wake_one()
            return
        self._open.end(chunk, error)

    def _watch(self) -> None:
        steps: tuple[Callable[[], None], ...] = (self._open.end_late, self._give_up, self._probe)
        while not self._ended.wait(WATCH_INTERVAL_S):
            for step in steps:
                try:
                    step()
                except Exception:
                    logger.exception("watching the device failed")

    def _give_up(self) -> None:
        """End the requests whose chunk the device does not return; all, where nothing gets to it any more."""
        with self._has_work:
            self._line.drop_unwanted()
            lost, reason = self._health.newly_lost(), self._health.trouble()
            is_blocked = self._is_blocked()
        for chunk in lost:
            logger.error("%s: its requests get an error", reason)
            self._open.end(chunk, DeviceUnavailable(reason))
        if is_blocked:
            self._open.end_all(self.trouble() or reason)

    def _probe(self) -> None:
        with self._has_work:
            if self._is_closing or self._refusal or self._is_blocked():
                return
            job = self._health.next_probe()
            if job is not None:
                self._open.add(job)
                self._line.add(job)
                self._wake_one()
