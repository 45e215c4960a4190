"""The order of jobs: requests take turns, however many patches each has."""

from collections import deque
from typing import Final

from idc_inference.scheduling.jobs import Job, Part

LEAST_SHARE: Final = 2
"""Patches that a request gets in its turn, where it has that many and there is room."""


class Turns:
    """Jobs in line, by request. Not safe in threads: its owner has the lock.

    While several requests wait, they share each chunk evenly, so that a single patch rides in the next chunk however
    large the request before it is. A request that waits alone gets whole chunks.
    """

    def __init__(self) -> None:
        self._line: dict[object, deque[Job]] = {}
        """By request, the one whose turn it is first."""

    def __len__(self) -> int:
        """The number of jobs that wait."""
        return sum(map(len, self._line.values()))

    @property
    def patches(self) -> int:
        """The number of patches that wait."""
        return sum(len(job.patches) - job.next_patch for jobs in self._line.values() for job in jobs)

    def __bool__(self) -> bool:
        return bool(self._line)

    def add(self, job: Job) -> None:
        """A job joins its request, or a new request joins the end of the line."""
        self._line.setdefault(job.request, deque()).append(job)

    def next_parts(self, room: int) -> list[Part]:
        """The next chunk: at most `room` patches, without jobs that nobody waits for any more."""
        parts: list[Part] = []
        while room and self._line:
            share = max(LEAST_SHARE, room // len(self._line))
            for request in list(self._line)[:room]:
                part = self._take(request, min(share, room))
                if part is not None:
                    parts.append(part)
                    room -= part.count
                if not room:
                    break
        return parts

    def drop_unwanted(self) -> None:
        """Drop jobs that nobody waits for any more, with their patches."""
        for request, jobs in list(self._line.items()):
            wanted = deque(job for job in jobs if not job.is_unwanted)
            if wanted:
                self._line[request] = wanted
            else:
                del self._line[request]

    def _take(self, request: object, most: int) -> Part | None:
        """Up to `most` patches of a request, which then goes to the end of the line."""
        jobs = self._line.pop(request)
        part = None
        while jobs and part is None:
            job = jobs[0]
            if not job.is_unwanted:
                part = _next_part(job, most)
            if part is None or job.next_patch == len(job.patches):
                jobs.popleft()
        if jobs:
            self._line[request] = jobs
        return part


def _next_part(job: Job, most: int) -> Part:
    part = Part(job, slice(job.next_patch, min(job.next_patch + most, len(job.patches))))
    job.next_patch = part.patches.stop
    return part
