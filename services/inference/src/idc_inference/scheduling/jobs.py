"""Patches on their way to the device: what one request submits, and the pieces that the device takes."""

import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
"""Begin and end on `time.monotonic`'s clock, in seconds."""


@dataclass(frozen=True)
class Scored:
    """The result of what was submitted at once."""

    probability: NDArray[np.float32]
    """Calibrated P(IDC), float32, shape (N,), values 0.0-1.0."""
    submitted_s: float
    """When it was submitted, on `time.monotonic`'s clock."""
    on_device: tuple[Interval, ...]
    """When its chunks were on the device; they may overlap."""

    @property
    def infer_s(self) -> float:
        """How long at least one of its chunks was on the device."""
        return union_s(self.on_device)

    @property
    def queue_s(self) -> float:
        """How long it waited with no chunk on the device."""
        return max(end_s for _, end_s in self.on_device) - self.submitted_s - self.infer_s


def union_s(intervals: Iterable[Interval]) -> float:
    """How long at least one of the intervals lasted; where they overlap, the time counts once."""
    total_s, covered_s = 0.0, float("-inf")
    for begin_s, end_s in sorted(intervals):
        total_s += max(0.0, end_s - max(begin_s, covered_s))
        covered_s = max(covered_s, end_s)
    return total_s


@dataclass(eq=False)
class Job:
    """Patches that were submitted at once, and what is known of them so far."""

    patches: NDArray[np.uint8]
    deadline_s: float
    request: object
    """Jobs of one request take turns with other requests as one."""
    is_probe: bool = False
    """Asked by the service itself."""
    future: Future[Scored] = field(default_factory=Future)
    submitted_s: float = field(default_factory=time.monotonic)
    next_patch: int = 0
    """The first one that has not been given to the device."""
    open_patches: int = 0
    """Those without a result."""
    is_settled: bool = False
    on_device: list[Interval] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open_patches = len(self.patches)
        self.probability = np.empty(len(self.patches), np.float32)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.is_settled or self.future.done()

    @property
    def is_late(self) -> bool:
        """Whether its deadline has passed."""
        return time.monotonic() > self.deadline_s

    @property
    def is_unwanted(self) -> bool:
        """Whether the device need not begin it any more."""
        return self.is_over or self.is_late

    def scored(self) -> Scored:
        """The result, once all patches have theirs."""
        return Scored(self.probability, self.submitted_s, tuple(self.on_device))


@dataclass(frozen=True)
class Part:
    """Some patches of one job, which go to the device in one chunk."""

    job: Job
    patches: slice

    @property
    def count(self) -> int:
        """How many patches."""
        return int(self.patches.stop - self.patches.start)


@dataclass(eq=False)
class Chunk:
    """What the device gets at once."""

    parts: list[Part]
    is_second_try: bool = False
    begin_s: float = field(default_factory=time.monotonic)
    is_given_up: bool = False
    """The device did not answer in time, and those who waited were told."""

    @property
    def count(self) -> int:
        """How many patches."""
        return sum(part.count for part in self.parts)

    def is_shared(self) -> bool:
        """Whether several requests are in it."""
        return len({id(part.job.request) for part in self.parts}) > 1
