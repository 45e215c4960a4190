"""What one version computed since it was loaded, as Triton's statistics extension reports it.

Durations are wall-clock time of requests, from the whole body on: `success` is the sum of `queue`, `compute_input`,
`compute_infer` and `compute_output`, which never overlap within one request. Requests that run at the same time each
count their own.

https://github.com/triton-inference-server/server (docs/protocol/extension_statistics.md)
"""

import threading
import time
from typing import Any, Final

from idc_inference.scheduling.stage_times import StageTimes

_KINDS: Final = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")


class ModelStatistics:
    """Counts and sums of durations; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._patches = 0
        self._durations = {kind: {"count": 0, "ns": 0} for kind in _KINDS}

    def succeeded(self, patches: int, times: StageTimes) -> None:
        """Count one request that was answered."""
        seconds = (times.total_s, times.queue_s, times.decode_s, times.infer_s, times.output_s)
        with self._lock:
            self._last_ms = time.time_ns() // 1_000_000
            self._patches += patches
            for kind, duration_s in zip((_KINDS[0], *_KINDS[2:]), seconds, strict=True):
                self._add(kind, duration_s)

    def failed(self, duration_s: float) -> None:
        """Count one request that got an error."""
        with self._lock:
            self._add("fail", duration_s)

    def _add(self, kind: str, duration_s: float) -> None:
        self._durations[kind]["count"] += 1
        self._durations[kind]["ns"] += round(duration_s * 1e9)

    def as_wire(self, name: str, version: str, executions: int) -> dict[str, Any]:
        """One entry of `model_stats`; durations in nanoseconds, `executions` are chunks that the device computed."""
        with self._lock:
            return {
                "name": name,
                "version": version,
                "last_inference": self._last_ms,
                "inference_count": self._patches,
                "execution_count": executions,
                "inference_stats": {kind: dict(sums) for kind, sums in self._durations.items()},
            }
