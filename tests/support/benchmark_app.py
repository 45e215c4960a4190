"""Runs OpenVINO's own `benchmark_app` on a graph."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idc_modelio.graphs import THROUGHPUT


@dataclass(frozen=True)
class Baseline:
    """What `benchmark_app` measured."""

    patches_per_s: float
    latency_ms: float
    """The median of one inference."""


def benchmark_app(graph: Path, *, batch: int, seconds: int, api: Literal["sync", "async"] = "async") -> Baseline:
    """Run it on the CPU with the hints that the service compiles with: throughput, float32.

    Args:
        graph: The bundle's `model.xml`.
        batch: Patches in one inference.
        seconds: How long it measures.
        api: `async` keeps all infer requests busy; `sync` runs one inference after the other.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({"CPU": {name: str(value) for name, value in THROUGHPUT.items()}}))
        command = [str(Path(sys.executable).parent / "benchmark_app"), "-m", str(graph), "-d", "CPU", "-api", api]
        command += ["-hint", "throughput", "-data_shape", f"[{batch},50,50,3]", "-t", str(seconds)]
        command += ["-load_config", str(config)]
        command += ["-report_type", "no_counters", "-json_stats", "-report_folder", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=seconds + 60)
        results = json.loads((Path(folder) / "benchmark_report.json").read_text())["execution_results"]
    return Baseline(float(results["throughput"]), float(results["latency (ms)"]))
