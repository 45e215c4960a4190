"""What one version has done since it was loaded, as Triton's statistics extension tells it.

Durations are wall-clock time of requests, from the whole body on: `success` is the sum of `queue`, `compute_input`,
`compute_infer` and `compute_output`, which never overlap within one request. Requests that run at the same time each
count their own.

https://github.com/triton-inference-server/server (docs/protocol/extension_statistics.md)
"""

import threading
import time
from typing import Any

from idc_inference.scheduling.stage_times import StageTimes


class ModelStatistics:
    """Counts and sums of durations; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._patches = 0
        self._sums: dict[str, tuple[int, float]] = {}

    def succeeded(self, patches: int, times: StageTimes) -> None:
        """One request with so many patches was answered."""
        with self._lock:
            self._last_ms = time.time_ns() // 1_000_000
            self._patches += patches
            self._add("success", times.total_s)
            self._add("queue", times.queue_s)
            self._add("compute_input", times.decode_s)
            self._add("compute_infer", times.infer_s)
            self._add("compute_output", times.output_s)

    def failed(self, duration_s: float) -> None:
        """One request was not answered."""
        with self._lock:
            self._add("fail", duration_s)

    def _add(self, kind: str, duration_s: float) -> None:
        count, sum_s = self._sums.get(kind, (0, 0.0))
        self._sums[kind] = (count + 1, sum_s + duration_s)

    def as_wire(self, name: str, version: str, executions: int) -> dict[str, Any]:
        """One entry of `model_stats`; durations in nanoseconds, `executions` are chunks that the device ran."""
        kinds = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")
        with self._lock:
            sums = {kind: self._sums.get(kind, (0, 0.0)) for kind in kinds}
            return {
                "name": name,
                "version": version,
                "last_inference": self._last_ms,
                "inference_count": self._patches,
                "execution_count": executions,
                "inference_stats": {
                    kind: {"count": count, "ns": round(sum_s * 1e9)} for kind, (count, sum_s) in sums.items()
                },
            }
