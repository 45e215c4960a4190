"""Shares one device between requests: large ones are cut into chunks, small ones ride together, and all take turns."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.engines.engine import Engine, Meter
from idc_inference.errors import DeviceUnavailable, EngineFailed
from idc_inference.scheduling.device_health import DeviceHealth, Probe
from idc_inference.scheduling.jobs import Chunk, Job, Scored
from idc_inference.scheduling.open_jobs import OpenJobs
from idc_inference.scheduling.turns import Turns
from idc_inference.threads.daemons import run_within, start_daemon

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.2
CLOSE_TIMEOUT_S: Final = 5.0
"""How long a device may take to be closed before it is left alone."""


class Scheduler:
    """A thread that feeds one engine, and one that watches the time.

    Requests take turns chunk by chunk, so that a single patch never waits for the whole of a large batch. What waits
    while the device is busy shares a chunk; nothing ever waits in order to share one.

    The engine may hang, raise or lie: deadlines are kept by the second thread, whatever the engine does, and `trouble`
    tells that the device cannot be relied on.
    """

    def __init__(
        self, engine: Engine, meter: Meter, *, device_timeout_s: float = 5.0, probe_interval_s: float = 2.0
    ) -> None:
        """Start the threads; `close` ends them and closes the engine.

        Args:
            engine: Runs the chunks.
            meter: Counts them.
            device_timeout_s: A chunk that takes longer means that the device hangs.
            probe_interval_s: How often the device is asked something whose answer is known, once `watch` was called.
        """
        self._engine, self._meter = engine, meter
        self._changed = threading.Condition()
        self._turns = Turns()
        self._second_tries: deque[Chunk] = deque()
        self._open = OpenJobs()
        self._is_closing = False
        self._ended = threading.Event()
        self._refusal = ""
        self.executions = 0
        """Chunks that the device has run, without the service's own questions."""
        self._health = DeviceHealth(engine.device, engine.slots, device_timeout_s, probe_interval_s)
        self._feeder = start_daemon("feeder", self._feed)
        self._watcher = start_daemon("device-watch", self._watch)

    @property
    def depth(self) -> int:
        """Jobs that wait for the device."""
        return len(self._turns)

    def trouble(self) -> str:
        """Why the device cannot be relied on now; empty where it can."""
        if self._is_closing:
            return ""
        if not (self._feeder.is_alive() and self._watcher.is_alive()):
            return f"the service's own work for the device {self._engine.device} has ended"
        with self._changed:
            return self._health.trouble()

    def watch(self, probe: Probe, device_timeout_s: float) -> None:
        """Ask the device again and again, now that it is known to answer.

        Args:
            probe: What to ask.
            device_timeout_s: A chunk that takes longer from now on means that the device hangs.
        """
        with self._changed:
            self._health.watch(probe, device_timeout_s)

    def submit(
        self, patches: NDArray[np.uint8], deadline_s: float = float("inf"), *, request: object = None
    ) -> Future[Scored]:
        """Score patches; returns at once.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, N >= 1; contiguous.
            deadline_s: On `time.monotonic`'s clock; the future ends by then, whatever the device does.
            request: What is submitted for one request takes turns with others as one; None for a request of its own.

        Returns:
            A future that ends with the result, DeadlineExceeded or EngineFailed. Cancel it where nobody waits for it
            any more: its chunks that have not begun are then left out.
        """
        job = Job(patches, deadline_s, object() if request is None else request)
        with self._changed:
            if self._is_closing:
                raise DeviceUnavailable("the model is being unloaded", "send the request again")
            refusal = self._why_not_now()
            if not refusal:
                self._add(job)
        if refusal:
            job.future.set_exception(DeviceUnavailable(refusal))
        return job.future

    def suspend(self, reason: str) -> None:
        """Take no requests while the device is opened again; those that it cannot answer any more are told."""
        with self._changed:
            self._refusal = reason
            is_lost = self._is_blocked() or bool(self._health.failure)
        if is_lost:
            self._open.end_all(reason)

    def resume(self) -> None:
        """Take requests again."""
        self._refusal = ""

    def close(self) -> None:
        """End what was submitted, then close the engine; a device that hangs is not waited for."""
        with self._changed:
            self._is_closing = True
            while not (self._is_blocked() or self._is_idle()):
                self._changed.wait(LOOK_EVERY_S)
            self._ended.set()
            self._changed.notify_all()
        self._watcher.join(CLOSE_TIMEOUT_S)
        self._open.end_all("the model was unloaded while its device did not answer")
        if not run_within(CLOSE_TIMEOUT_S, "engine-closer", self._engine.close):
            logger.error("the device %s did not close within %g s: left alone", self._engine.device, CLOSE_TIMEOUT_S)

    def _add(self, job: Job) -> None:
        self._open.add(job)
        self._turns.add(job)
        self._changed.notify_all()

    def _why_not_now(self) -> str:
        return self._refusal or (self._is_blocked() and self.trouble()) or ""

    def _is_blocked(self) -> bool:
        """Whether nothing that waits can get to the device."""
        return not self._feeder.is_alive() or self._health.is_blocked()

    def _is_idle(self) -> bool:
        return not (self._turns or self._second_tries or self._health.is_busy)

    def _feed(self) -> None:
        try:
            while (chunk := self._next_chunk()) is not None:
                self._start(chunk)
        except BaseException:  # `trouble` sees that this thread has ended, and the model is loaded again
            logger.exception("the thread that feeds the device ended")

    def _next_chunk(self) -> Chunk | None:
        """Wait for work and for room on the device; None at the end."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._ended.is_set() or (self._health.has_room and (self._turns or self._second_tries))
                )
                if self._ended.is_set():
                    return None
                if self._second_tries:
                    chunk = self._second_tries.popleft()
                    chunk.parts = [part for part in chunk.parts if not part.job.is_unwanted]
                else:
                    chunk = Chunk(self._turns.next_parts(self._engine.chunk_patches))
                if chunk.parts:
                    self._health.began(chunk)
                    return chunk

    def _start(self, chunk: Chunk) -> None:
        try:
            patches = [part.job.patches[part.patches] for part in chunk.parts]
            together = patches[0] if len(patches) == 1 else np.concatenate(patches)
            with self._health.starting(chunk):
                self._engine.start(together, partial(self._finish, chunk))
        except BaseException:  # the one thread that feeds the device must outlive an engine's mistake
            logger.exception("the engine did not start a chunk")
            text = f"the device {self._engine.device} did not start the work: the service's log says why"
            self._finish(chunk, EngineFailed(text))

    def _finish(self, chunk: Chunk, result: NDArray[np.float32] | EngineFailed) -> None:
        with self._changed:
            if not self._health.ended(chunk):
                return
            self._changed.notify_all()
        try:
            self._hand_out(chunk, result)
        except BaseException:  # whoever waits is told, and the engine's thread lives on
            logger.exception("the result of a chunk could not be read")
            text = f"what the device {self._engine.device} gave could not be read: the service's log says why"
            self._open.end(chunk, EngineFailed(text))

    def _hand_out(self, chunk: Chunk, result: NDArray[np.float32] | EngineFailed) -> None:
        if isinstance(result, EngineFailed):
            self._fail(chunk, result)
            return
        probability = np.asarray(result, np.float32)
        if probability.shape != (chunk.count,):
            self._fail(chunk, EngineFailed(f"the graph gave {probability.size} results for {chunk.count} patches"))
            return
        self._open.take(chunk, probability)
        if not np.isfinite(probability).all():
            self._health.ask_soon()
        self._count(chunk)

    def _count(self, chunk: Chunk) -> None:
        count = sum(part.count for part in chunk.parts if not part.job.is_probe)
        if count:
            with self._changed:
                self.executions += 1
            self._meter.chunk(count)

    def _fail(self, chunk: Chunk, error: EngineFailed) -> None:
        """Tell those who wait, or let each of several requests try alone, so that one cannot fail the others."""
        self._health.ask_soon()
        if chunk.is_shared() and not (chunk.is_second_try or isinstance(error, DeviceUnavailable)):
            with self._changed:
                self._second_tries += [Chunk([part], is_second_try=True) for part in chunk.parts]
                self._changed.notify_all()
            return
        self._open.end(chunk, error)

    def _watch(self) -> None:
        looks: tuple[Callable[[], None], ...] = (self._open.end_late, self._give_up, self._ask)
        while not self._ended.wait(LOOK_EVERY_S):
            for look in looks:
                try:
                    look()
                except Exception:
                    logger.exception("watching the device failed")

    def _give_up(self) -> None:
        """Tell those whose chunk the device does not give back; all, where nothing gets to it any more."""
        with self._changed:
            self._turns.drop_unwanted()
            lost, reason = self._health.newly_lost(), self._health.trouble()
            is_blocked = self._is_blocked()
        for chunk in lost:
            logger.error("%s: its requests get an error", reason)
            self._open.end(chunk, DeviceUnavailable(reason))
        if is_blocked:
            self._open.end_all(self.trouble() or reason)

    def _ask(self) -> None:
        with self._changed:
            if self._is_closing or self._refusal or self._is_blocked():
                return
            job = self._health.next_question()
            if job is not None:
                self._add(job)
