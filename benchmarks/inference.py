"""The inference service over HTTP, beside OpenVINO's `benchmark_app` on the same graph, in one run.

`uv run --frozen python benchmarks/inference.py [--quick]`. Each version under `models/idc` is measured. `benchmark_app`
gets the configuration that the service compiles with and runs before and after the figures, with one patch and with
as many in one inference as the service gives the device; the faster of the two is the baseline. A shared machine
changes its speed: where `baseline_drift` (fastest run over slowest) is far from 1, the ratios say little. The last line
is JSON.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from idc_inference.settings import InferenceSettings
from idc_inference.tensors import join_elements
from idc_modelio.bundles import read_bundle, versions
from idc_servicekit.http_health import status_of
from support.benchmark_app import benchmark_app
from support.demo_patches import png_of
from support.http_load import LoadResult, load
from support.inference_process import start_inference
from support.mosquitto import free_port

MODELS: Final = ROOT / "models"
BATCH: Final = 64
IMAGE: Final = "idc-sentinel/inference"

Body = tuple[bytes, dict[str, str]]


def tensor_body(patches: NDArray[np.uint8]) -> Body:
    """A request with one UINT8 tensor."""
    size = {"binary_data_size": patches.nbytes}
    return _body(
        {"name": "patch", "datatype": "UINT8", "shape": list(patches.shape), "parameters": size}, patches.tobytes()
    )


def image_body(images: list[bytes]) -> Body:
    """A request with encoded images."""
    tail = join_elements(images)
    size = {"binary_data_size": len(tail)}
    return _body({"name": "image", "datatype": "BYTES", "shape": [len(images)], "parameters": size}, tail)


def _body(tensor: dict[str, object], tail: bytes) -> Body:
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + tail, {"Inference-Header-Content-Length": str(len(head))}


@dataclass(frozen=True)
class Case:
    """One kind of traffic."""

    name: str
    body: Body
    patches: int
    connections: int


def cases() -> list[Case]:
    """Large batches and single patches; the pixels are noise, which PNG cannot shrink."""
    patches = np.random.default_rng(1).integers(0, 256, (BATCH, 50, 50, 3), dtype=np.uint8)
    images = [png_of(patch) for patch in patches]
    single = image_body(images[:1])
    return [
        Case("tensor_batch", tensor_body(patches), BATCH, 4),
        Case("png_batch", image_body(images), BATCH, 4),
        *(Case(f"png_single_{connections}", single, 1, connections) for connections in (64, 8, 1)),
    ]


class Service:
    """The service as a process of its own."""

    def __init__(self, version: str, cache_dir: Path) -> None:
        """Start it, and measure how long it takes until it is ready."""
        port = free_port()
        settings = {"MODEL_VERSION": version, "CACHE_DIR": str(cache_dir), "LOG_LEVEL": "WARNING"}
        begin_s = time.perf_counter()
        self._process = start_inference(MODELS, port, **{f"INFERENCE_{name}": it for name, it in settings.items()})
        self.url = f"http://127.0.0.1:{port}/v2/models/idc/infer"
        while not _is_ready(f"http://127.0.0.1:{port}/v2/health/ready"):
            if time.perf_counter() - begin_s > 60 or self._process.poll() is not None:
                raise TimeoutError("the service did not become ready within 60 s")
            time.sleep(0.01)
        self.start_s = time.perf_counter() - begin_s

    def rss_mib(self) -> float:
        """Memory that it holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=20)


def _is_ready(url: str) -> bool:
    try:
        return status_of(url, timeout_s=1) == 200
    except OSError:
        return False


@contextmanager
def service(version: str, cache_dir: Path) -> Iterator[Service]:
    """Serve while the block runs."""
    running = Service(version, cache_dir)
    try:
        yield running
    finally:
        running.stop()


def baseline(graph: Path, seconds: int) -> float:
    """Patches per second of `benchmark_app`: the faster of one patch and a whole chunk in one inference."""
    chunk = int(InferenceSettings.model_fields["chunk_patches"].default)
    return max(benchmark_app(graph, batch=batch, seconds=seconds).patches_per_s for batch in (1, chunk))


@dataclass(frozen=True)
class Row:
    """One kind of traffic, measured."""

    case: Case
    result: LoadResult
    baseline_per_s: float

    @property
    def patches_per_s(self) -> float:
        """What the service did."""
        return self.result.requests_per_s * self.case.patches

    @property
    def ratio(self) -> float:
        """Service over baseline."""
        return self.patches_per_s / self.baseline_per_s


def under_load(url: str, graph: Path, seconds: int) -> tuple[list[Row], list[float]]:
    """Every kind of traffic between two runs of the baseline; gives the rows and all runs of the baseline."""
    rows, rates = [], [baseline(graph, seconds)]
    for case in cases():
        result = asyncio.run(load(url, *case.body, connections=case.connections, seconds=float(seconds)))
        rates.append(baseline(graph, seconds))
        rows.append(Row(case, result, (rates[-2] + rates[-1]) / 2))
    return rows, rates


def measure(version: str, seconds: int) -> dict[str, float]:
    """All figures of one version; prints its table."""
    bundle = read_bundle(MODELS / "idc" / version)
    graph = bundle.path / "model.xml"
    with tempfile.TemporaryDirectory() as cache:
        with service(version, Path(cache)) as cold:
            figures = {"start_cold_s": cold.start_s}
        with service(version, Path(cache)) as warm:
            figures |= {"start_warm_s": warm.start_s, "rss_idle_mib": warm.rss_mib()}
            rows, rates = under_load(warm.url, graph, seconds)
            figures["rss_loaded_mib"] = warm.rss_mib()
    alone_ms = benchmark_app(graph, batch=1, seconds=seconds, api="sync").latency_ms
    print_table(f"version {version}, {bundle.manifest.precision}", rows, rates)
    figures |= {f"{row.case.name}_ratio": row.ratio for row in rows}
    figures["single_p50_over_benchmark_app_ms"] = rows[-1].result.p50_ms - alone_ms
    figures |= {"baseline_patches_per_s": statistics.mean(rates), "baseline_drift": max(rates) / min(rates)}
    return {name: round(value, 3) for name, value in figures.items()}


def print_table(title: str, rows: list[Row], rates: list[float]) -> None:
    """One line for each kind of traffic."""
    print(f"\n{title}\n{'':16} patches/s  of benchmark_app   p50 ms   p99 ms")
    for row in rows:
        timing = f"{row.result.p50_ms:8.1f} {row.result.p99_ms:8.1f}"
        print(f"{row.case.name:16} {row.patches_per_s:9.0f} {row.ratio:17.2f} {timing}")
    print(f"{'benchmark_app':16} {statistics.mean(rates):9.0f} {1:17.2f}")


def image_mb() -> float | None:
    """Size of the service's image in 10^6 bytes; None where no engine has it."""
    docker = shutil.which("docker")
    if docker is None:
        return None
    command = [docker, "image", "inspect", "--format", "{{.Size}}", f"{IMAGE}:{os.environ.get('IDC_TAG', '0.1.0')}"]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    return int(answer.stdout) / 1e6 if answer.returncode == 0 else None


def main() -> None:
    """Measure every version; print the tables and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds for each figure instead of ten")
    seconds = 2 if parser.parse_args().quick else 10
    figures: dict[str, object] = {
        f"version_{version}": measure(str(version), seconds) for version in reversed(versions(MODELS, "idc"))
    }
    print(json.dumps(figures | {"image_mb": image_mb()}))


if __name__ == "__main__":
    main()
