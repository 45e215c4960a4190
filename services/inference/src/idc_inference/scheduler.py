"""Shares one device between requests: large ones are cut into chunks, and the requests take turns."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import DeadlineExceeded, EngineFailed, InferenceError
from idc_inference.ports import Engine, Meter

logger = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 0.1
"""How often the engine is asked for silent failures while chunks run and none waits."""


@dataclass(frozen=True)
class Scored:
    """One request's result."""

    probability: NDArray[np.float32]
    """Calibrated P(IDC), float32, shape (N,), values 0.0-1.0."""
    queue_s: float
    """From the request's arrival here to its first chunk's start."""
    infer_s: float
    """From its first chunk's start to its last chunk's end."""


@dataclass(eq=False)
class _Job:
    patches: NDArray[np.uint8]
    deadline_s: float
    future: Future[Scored] = field(default_factory=Future)
    submitted_s: float = field(default_factory=time.monotonic)
    started_s: float = 0.0
    next_patch: int = 0
    open_patches: int = 0
    is_settled: bool = False

    def __post_init__(self) -> None:
        self.open_patches = len(self.patches)
        self.probability = np.empty(len(self.patches), np.float32)


class Scheduler:
    """One thread that feeds one engine.

    Requests take turns chunk by chunk, so that a single patch never waits for the whole of a large batch.
    """

    def __init__(self, engine: Engine, meter: Meter) -> None:
        """Start the thread; `close` ends it and closes the engine."""
        self._engine, self._meter = engine, meter
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._running: dict[_Job, int] = {}
        self._is_closing = False
        self._feeder = threading.Thread(target=self._feed, name="feeder", daemon=True)
        self._feeder.start()

    @property
    def depth(self) -> int:
        """Jobs that wait for the device."""
        return len(self._jobs)

    def submit(self, patches: NDArray[np.uint8], deadline_s: float = float("inf")) -> Future[Scored]:
        """Score patches; returns at once.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, N >= 1; contiguous.
            deadline_s: On `time.monotonic`'s clock; chunks that have not begun by then are not begun.

        Returns:
            A future that ends with the result, DeadlineExceeded or EngineFailed. Cancel it where nobody waits for it
            any more: its chunks that have not begun are then left out.
        """
        job = _Job(patches, deadline_s)
        with self._changed:
            if self._is_closing:
                raise EngineFailed("the model is being unloaded: send the request again")
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """End what was submitted, then close the engine; blocks."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._feeder.join()
        self._engine.close()

    def _feed(self) -> None:
        while (job := self._next_job()) is not None:
            chunk = self._cut(job)
            if chunk is not None:
                self._start(job, chunk)

    def _next_job(self) -> _Job | None:
        with self._changed:
            while not self._jobs:
                if self._is_closing and not self._running:
                    return None
                is_idle = not self._running and not self._is_closing
                if not self._changed.wait(None if is_idle else CHECK_EVERY_S):
                    self._changed.release()
                    try:
                        self._engine.check()
                    finally:
                        self._changed.acquire()
            return self._jobs.popleft()

    def _cut(self, job: _Job) -> slice | None:
        """The job's next chunk; None where nobody wants it any more."""
        if job.future.done():
            return None
        now_s = time.monotonic()
        if now_s > job.deadline_s:
            waited_s = now_s - job.submitted_s
            self._settle(job, DeadlineExceeded(f"not finished in {waited_s:.1f} s: try again or send less at once"))
            return None
        if job.next_patch == 0:
            job.started_s = now_s
        chunk = slice(job.next_patch, min(job.next_patch + self._engine.chunk_patches, len(job.patches)))
        job.next_patch = chunk.stop
        with self._changed:
            self._running[job] = self._running.get(job, 0) + 1
            if job.next_patch < len(job.patches):
                self._jobs.append(job)
        return chunk

    def _start(self, job: _Job, chunk: slice) -> None:
        def done(result: NDArray[np.float32] | EngineFailed) -> None:
            self._finish(job, chunk, result)

        self._meter.chunk(chunk.stop - chunk.start)
        try:
            self._engine.start(job.patches[chunk], done)
        except Exception as exc:  # the one thread that feeds the device must outlive an engine's mistake
            logger.exception("the engine did not start a chunk")
            done(EngineFailed(f"the device {self._engine.device} did not start: {exc}"))

    def _finish(self, job: _Job, chunk: slice, result: NDArray[np.float32] | EngineFailed) -> None:
        count = chunk.stop - chunk.start
        if not isinstance(result, EngineFailed) and len(result) != count:
            result = EngineFailed(f"the graph gave {len(result)} results for {count} patches")
        with self._changed:
            self._running[job] -= 1
            if not self._running[job]:
                del self._running[job]
            if not isinstance(result, EngineFailed):
                job.probability[chunk] = result
                job.open_patches -= count
        if isinstance(result, EngineFailed):
            self._settle(job, result)
        elif not job.open_patches:
            now_s = time.monotonic()
            self._settle(job, Scored(job.probability, job.started_s - job.submitted_s, now_s - job.started_s))

    def _settle(self, job: _Job, outcome: Scored | InferenceError) -> None:
        """End a job once, though several of its chunks may fail."""
        with self._changed:
            if job.is_settled:
                return
            job.is_settled = True
        if not job.future.set_running_or_notify_cancel():
            return
        if isinstance(outcome, Scored):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)
