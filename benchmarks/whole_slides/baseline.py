"""OpenVINO's `benchmark_app`, beside which slides are measured."""

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idc_inference.settings import InferenceSettings
from support.benchmark_app import benchmark_app

BASELINE_S: Final = 4


@dataclass(frozen=True)
class Baseline:
    """`benchmark_app`, once."""

    patches_per_s: float
    processor_s: float
    """For one patch."""


class Baselines:
    """`benchmark_app` with the batch with which it is fastest."""

    def __init__(self, graph: Path) -> None:
        self._graph = graph
        chunk = int(InferenceSettings.model_fields["chunk_patches"].default)
        self._batch = max((1, chunk), key=lambda batch: self._run(batch, 2)[0])

    def measure(self) -> Baseline:
        """Two runs: what both need for their start cancels out of the processor time."""
        short, long = (self._run(self._batch, seconds) for seconds in (1, BASELINE_S))
        return Baseline(long[0], (long[1] - short[1]) / (long[0] * BASELINE_S - short[0]))

    def _run(self, batch: int, seconds: int) -> tuple[float, float]:
        """Patches per second, and seconds of processor time."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        rate = benchmark_app(self._graph, batch=batch, seconds=seconds).patches_per_s
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return rate, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
