"""Shares one device between requests: large ones are cut into chunks, small ones ride together, and all take turns."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import DeadlineExceeded, EngineFailed, InferenceError
from idc_inference.ports import Engine, Meter

logger = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class _Part:
    """Some patches of one job, which go to the device in one chunk."""

    job: _Job
    patches: slice

    @property
    def count(self) -> int:
        return int(self.patches.stop - self.patches.start)


class Scheduler:
    """One thread that feeds one engine.

    Requests take turns chunk by chunk, so that a single patch never waits for the whole of a large batch. What waits
    while the device is busy shares a chunk; nothing ever waits in order to share one.
    """

    def __init__(self, engine: Engine, meter: Meter) -> None:
        """Start the thread; `close` ends it and closes the engine."""
        self._engine, self._meter = engine, meter
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
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
        while self._wait_for_jobs():
            chunk = self._next_chunk()
            if chunk:
                self._start(chunk)

    def _wait_for_jobs(self) -> bool:
        """Wait until a job is there; False where none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._is_closing)
            return bool(self._jobs)

    def _next_chunk(self) -> list[_Part]:
        parts: list[_Part] = []
        room, waiting = self._engine.chunk_patches, len(self._jobs)
        while room and waiting:  # each job once: those that are put back take their next turn in the next chunk
            waiting -= 1
            with self._changed:
                job = self._jobs.popleft()
            part = self._next_part(job, room)
            if part is not None:
                parts.append(part)
                room -= part.count
        return parts

    def _next_part(self, job: _Job, room: int) -> _Part | None:
        """Up to `room` of the job's patches; None where nobody wants it any more."""
        if job.future.done():
            return None
        now_s = time.monotonic()
        if now_s > job.deadline_s:
            waited_s = now_s - job.submitted_s
            self._settle(job, DeadlineExceeded(f"not finished in {waited_s:.1f} s: try again or send less at once"))
            return None
        if job.next_patch == 0:
            job.started_s = now_s
        part = _Part(job, slice(job.next_patch, min(job.next_patch + room, len(job.patches))))
        job.next_patch = part.patches.stop
        if job.next_patch < len(job.patches):
            with self._changed:
                self._jobs.append(job)
        return part

    def _start(self, chunk: list[_Part]) -> None:
        patches = [part.job.patches[part.patches] for part in chunk]
        self._meter.chunk(sum(part.count for part in chunk))
        try:
            together = patches[0] if len(patches) == 1 else np.concatenate(patches)
            self._engine.start(together, partial(self._finish, chunk))
        except Exception as exc:  # the one thread that feeds the device must outlive an engine's mistake
            logger.exception("the engine did not start a chunk")
            self._finish(chunk, EngineFailed(f"the device {self._engine.device} did not start: {exc}"))

    def _finish(self, chunk: list[_Part], result: NDArray[np.float32] | EngineFailed) -> None:
        count = sum(part.count for part in chunk)
        if not isinstance(result, EngineFailed) and len(result) != count:
            result = EngineFailed(f"the graph gave {len(result)} results for {count} patches")
        begin = 0
        for part in chunk:
            if isinstance(result, EngineFailed):
                self._settle(part.job, result)
            else:
                self._take(part, result[begin : begin + part.count])
            begin += part.count

    def _take(self, part: _Part, probability: NDArray[np.float32]) -> None:
        job = part.job
        with self._changed:
            job.probability[part.patches] = probability
            job.open_patches -= part.count
        if not job.open_patches:
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
