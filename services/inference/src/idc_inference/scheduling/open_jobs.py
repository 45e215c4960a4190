"""Jobs in progress: each ends once, with its result, with an error or at its deadline."""

import threading
import time

from idc_inference.errors import DeadlineExceeded, DeviceUnavailable, InferenceError
from idc_inference.scheduling.jobs import Chunk, Job, Scored
from idc_modelio.outputs import Outputs


class OpenJobs:
    """Safe in threads; the callbacks of futures run outside of the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: set[Job] = set()

    def add(self, job: Job) -> None:
        with self._lock:
            self._jobs.add(job)

    def take(self, chunk: Chunk, outputs: Outputs) -> None:
        """Give each part of a chunk its results, each output float32, shape (N,); jobs that are whole end."""
        interval, begin = (chunk.begin_s, time.monotonic()), 0
        for part in chunk.parts:
            job = part.job
            with self._lock:
                job.put(part.patches, {name: values[begin : begin + part.count] for name, values in outputs.items()})
                job.on_device.append(interval)
                job.open_patches -= part.count
            begin += part.count
            if not job.open_patches:
                self._settle(job, job.scored())

    def end(self, chunk: Chunk, error: InferenceError) -> None:
        """End the jobs of a chunk with an error."""
        for part in chunk.parts:
            self._settle(part.job, error)

    def end_all(self, reason: str) -> None:
        """End every job: the device is not available."""
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            self._settle(job, DeviceUnavailable(reason))

    def end_late(self) -> None:
        """End the jobs past their deadline, wherever they are."""
        with self._lock:
            self._jobs = {job for job in self._jobs if not job.is_over}
            late = [job for job in self._jobs if job.is_late]
        for job in late:
            waited_s = time.monotonic() - job.submitted_s
            self._settle(job, DeadlineExceeded(f"not finished in {waited_s:.1f} s: try again or send fewer patches"))

    def _settle(self, job: Job, outcome: Scored | InferenceError) -> None:
        """End a job once, though several of its chunks may fail."""
        with self._lock:
            self._jobs.discard(job)
            if job.is_settled:
                return
            job.is_settled = True
        if not job.future.set_running_or_notify_cancel():
            return
        if isinstance(outcome, Scored):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)
