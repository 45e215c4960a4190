"""The inference service over HTTP, beside OpenVINO's `benchmark_app` on the same graph, in one run.

`uv run --frozen python benchmarks/inference.py [--quick]`. Both graphs of the bundle that ships are measured, FP16 and
INT8. `benchmark_app` gets the configuration that the service compiles with, with one patch or as many in one inference
as the service gives the device, whichever is faster. A shared machine changes its speed, so that each ratio is the
median of several rounds of baseline, service, baseline; where `baseline_drift` (fastest run over slowest) is far from
1, the ratios say little. The last line is JSON.
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

import httpx
import numpy as np
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))


from idc_inference.settings import InferenceSettings
from idc_inference.protocol.tensors import join_elements
from idc_contracts.bundle import Precision
from idc_modelio.bundle_graphs import graph_of
from idc_modelio.bundles import Bundle, read_bundle, versions
from support.benchmark_app import benchmark_app
from support.demo_patches import png_of
from support.http_load import WARM_UP_S, LoadResult, load
from support.inference_process import end_inference, start_inference
from support.free_port import free_port

MODELS: Final = ROOT / "models"
BATCH: Final = 64
ROUNDS: Final = 3
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

    def __init__(self, precision: Precision, cache_dir: Path) -> None:
        """Start it, and measure how long it takes until it is ready."""
        port = free_port()
        settings = {"PRECISION": precision, "CACHE_DIR": str(cache_dir), "LOG_LEVEL": "WARNING"}
        begin_s = time.perf_counter()
        self._process = start_inference(MODELS, port, **{f"INFERENCE_{name}": it for name, it in settings.items()})
        self.url = f"http://127.0.0.1:{port}/v2/models/idc/infer"
        while not _is_ready(f"http://127.0.0.1:{port}/v2/health/ready"):
            if time.perf_counter() - begin_s > 60 or self._process.poll() is not None:
                self._process.kill()
                raise TimeoutError("the service did not become ready within 60 s")
            time.sleep(0.01)
        self.start_s = time.perf_counter() - begin_s

    def rss_mib(self) -> float:
        """Memory that it holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def processor_s(self) -> float:
        """Processor time that it used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        end_inference(self._process)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.TransportError:
        return False


@contextmanager
def service(precision: Precision, cache_dir: Path) -> Iterator[Service]:
    """Serve while the block runs."""
    running = Service(precision, cache_dir)
    try:
        yield running
    finally:
        running.stop()


def fastest_batch(graph: Path) -> int:
    """Patches in one inference with which `benchmark_app` is faster: one, or a whole chunk."""
    chunk = int(InferenceSettings.model_fields["chunk_patches"].default)
    return max((1, chunk), key=lambda batch: benchmark_app(graph, batch=batch, seconds=2).patches_per_s)


@dataclass(frozen=True)
class Row:
    """One kind of traffic, measured in several rounds."""

    case: Case
    results: list[LoadResult]
    ratios: list[float]
    processor_s: list[float]

    @property
    def patches_per_s(self) -> float:
        """What the service did, the median round."""
        return statistics.median(result.requests_per_s for result in self.results) * self.case.patches

    @property
    def ratio(self) -> float:
        """Service over baseline, the median round."""
        return statistics.median(self.ratios)

    @property
    def processor_ms(self) -> float:
        """Processor time of the service for one patch, the median round."""
        return 1000 * statistics.median(self.processor_s)

    @property
    def p50_ms(self) -> float:
        """Median latency of the median round."""
        return statistics.median(result.p50_ms for result in self.results)

    @property
    def p99_ms(self) -> float:
        """99th percentile of the median round."""
        return statistics.median(result.p99_ms for result in self.results)


def under_load(running: Service, graph: Path, seconds: int) -> tuple[list[Row], list[float]]:
    """Every kind of traffic; gives the rows and the patches per second of all runs of the baseline."""
    batch = fastest_batch(graph)
    rows, rates = [], [benchmark_app(graph, batch=batch, seconds=seconds).patches_per_s]
    for case in cases():
        row = Row(case, [], [], [])
        for _ in range(ROUNDS):
            before_s = running.processor_s()
            result = asyncio.run(load(running.url, *case.body, connections=case.connections, seconds=float(seconds)))
            patches = result.requests_per_s * (seconds + WARM_UP_S) * case.patches
            row.processor_s.append((running.processor_s() - before_s) / patches)
            rates.append(benchmark_app(graph, batch=batch, seconds=seconds).patches_per_s)
            row.results.append(result)
            row.ratios.append(result.requests_per_s * case.patches / statistics.mean(rates[-2:]))
        rows.append(row)
    return rows, rates


def measure(bundle: Bundle, precision: Precision, seconds: int) -> dict[str, float]:
    """All figures of one graph; prints its table."""
    graph = graph_of(bundle, precision).path
    with tempfile.TemporaryDirectory() as cache:
        with service(precision, Path(cache)) as cold:
            figures = {"start_cold_s": cold.start_s}
        with service(precision, Path(cache)) as warm:
            figures |= {"start_warm_s": warm.start_s, "rss_idle_mib": warm.rss_mib()}
            rows, rates = under_load(warm, graph, seconds)
            figures["rss_loaded_mib"] = warm.rss_mib()
    alone_ms = benchmark_app(graph, batch=1, seconds=seconds, api="sync").latency_ms
    print_table(f"version {bundle.manifest.version}, {precision.upper()}", rows, rates)
    figures |= {f"{row.case.name}_ratio": row.ratio for row in rows}
    figures |= {f"{row.case.name}_processor_ms": row.processor_ms for row in rows}
    figures["single_p50_over_benchmark_app_ms"] = rows[-1].p50_ms - alone_ms
    figures |= {"baseline_patches_per_s": statistics.mean(rates), "baseline_drift": max(rates) / min(rates)}
    return {name: round(value, 3) for name, value in figures.items()}


def print_table(title: str, rows: list[Row], rates: list[float]) -> None:
    """One line for each kind of traffic."""
    print(f"\n{title}\n{'':16} patches/s  of benchmark_app   p50 ms   p99 ms  processor ms/patch")
    for row in rows:
        timing = f"{row.p50_ms:8.1f} {row.p99_ms:8.1f} {row.processor_ms:19.2f}"
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
    """Measure both graphs; print the tables and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one second for each run instead of six")
    seconds = 1 if parser.parse_args().quick else 6
    bundle = read_bundle(MODELS / "idc" / str(max(versions(MODELS, "idc"))))
    figures: dict[str, object] = {precision: measure(bundle, precision, seconds) for precision in Precision}
    print(json.dumps(figures | {"image_mb": image_mb()}))


if __name__ == "__main__":
    main()
