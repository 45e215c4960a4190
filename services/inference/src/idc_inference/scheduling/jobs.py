"""Patches on their way to the device: what one request submits, and the chunks that the device takes."""

import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idc_modelio.outputs import PROBABILITY, Outputs

Interval = tuple[float, float]
"""Begin and end on `time.monotonic`'s clock, in seconds."""


@dataclass(frozen=True)
class Scored:
    """The result of one job."""

    outputs: Outputs
    """By name, each float32, shape (N,)."""
    submitted_s: float
    """When it was submitted, on `time.monotonic`'s clock."""
    on_device: tuple[Interval, ...]
    """When its chunks were on the device; they may overlap."""

    @property
    def probability(self) -> NDArray[np.float32]:
        """Calibrated P(IDC), float32, shape (N,), values 0.0-1.0."""
        return self.outputs[PROBABILITY]


def union_s(intervals: Iterable[Interval]) -> float:
    """How long at least one of the intervals lasted; where they overlap, the time counts once."""
    total_s, covered_s = 0.0, float("-inf")
    for begin_s, end_s in sorted(intervals):
        total_s += max(0.0, end_s - max(begin_s, covered_s))
        covered_s = max(covered_s, end_s)
    return total_s


@dataclass(eq=False)
class Job:
    """Patches that were submitted at once, and their results so far."""

    patches: NDArray[np.uint8]
    """RGB, uint8, shape (N, height, width, 3), values 0-255."""
    deadline_s: float
    """On `time.monotonic`'s clock."""
    request: object
    """Jobs of one request take turns with other requests as one."""
    is_probe: bool = False
    """Submitted by the service itself."""
    future: Future[Scored] = field(default_factory=Future)
    submitted_s: float = field(default_factory=time.monotonic)
    next_patch: int = 0
    """The first one that was not given to the device."""
    open_patches: int = 0
    """Those without a result."""
    is_settled: bool = False
    on_device: list[Interval] = field(default_factory=list)
    outputs: Outputs = field(default_factory=dict)
    """The results so far, each for all patches."""

    def __post_init__(self) -> None:
        self.open_patches = len(self.patches)

    @property
    def is_over(self) -> bool:
        """Whether its caller has left."""
        return self.is_settled or self.future.done()

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self.deadline_s

    @property
    def is_unwanted(self) -> bool:
        """Whether the device need not begin it."""
        return self.is_over or self.is_late

    def put(self, patches: slice, outputs: Outputs) -> None:
        """Take the results of some patches."""
        if not self.outputs:
            self.outputs = {name: np.empty(len(self.patches), np.float32) for name in outputs}
        for name, values in outputs.items():
            self.outputs[name][patches] = values

    def scored(self) -> Scored:
        """The result, once all patches have theirs."""
        return Scored(self.outputs, self.submitted_s, tuple(self.on_device))


@dataclass(frozen=True)
class Part:
    """Some patches of one job, which go to the device in one chunk."""

    job: Job
    patches: slice

    @property
    def count(self) -> int:
        return int(self.patches.stop - self.patches.start)


@dataclass(eq=False)
class Chunk:
    """What the device computes at once."""

    parts: list[Part]
    is_second_try: bool = False
    begin_s: float = field(default_factory=time.monotonic)
    is_given_up: bool = False
    """The device did not return it in time, and its requests got an error."""

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    def is_shared(self) -> bool:
        """Whether it holds several requests."""
        return len({id(part.job.request) for part in self.parts}) > 1
