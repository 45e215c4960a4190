"""The inference service over HTTP, beside the same graph run by OpenVINO alone, in one run.

`uv run --frozen python benchmarks/inference.py [--quick]`. The baseline keeps all infer requests of the device busy, as
OpenVINO's benchmark_app does with the throughput hint. It runs before and after each figure, for a shared machine
changes its speed. The last line is JSON: `*_ratio` is service / baseline, `baseline_drift` is the fastest run of the
baseline over the slowest. Where the drift is far from 1, the ratios say little.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from idc_inference.adapters.openvino_engine import COMPILE_CONFIG
from idc_inference.tensors import join_elements
from idc_modelio.bundles import versions
from support.demo_patches import png_of
from support.http_load import LoadResult, load
from support.inference_process import inference_process

MODELS: Final = ROOT / "models"
BATCH: Final = 64


class Alone:
    """OpenVINO alone, all infer requests busy."""

    def __init__(self, patches: NDArray[np.uint8], seconds: float) -> None:
        """Compile the newest model of `models/`.

        Args:
            patches: RGB, uint8, shape (N, 50, 50, 3).
            seconds: How long each run takes.
        """
        path = MODELS / "idc" / str(versions(MODELS, "idc")[0]) / "model.xml"
        self._queue = ov.AsyncInferQueue(ov.Core().compile_model(path, "CPU", COMPILE_CONFIG))
        self._patches, self._seconds = patches, seconds

    def patches_per_s(self, batch: int) -> float:
        """Run once, with `batch` <= N patches in each infer request."""
        for _ in range(2 * len(self._queue)):
            self._queue.start_async({0: self._patches[:batch]})
        self._queue.wait_all()
        begin_s, count = time.perf_counter(), 0
        while time.perf_counter() - begin_s < self._seconds:
            self._queue.start_async({0: self._patches[:batch]})
            count += batch
        self._queue.wait_all()
        return count / (time.perf_counter() - begin_s)


def tensor_body(patches: NDArray[np.uint8]) -> tuple[bytes, dict[str, str]]:
    """A request with one UINT8 tensor."""
    size = {"binary_data_size": patches.nbytes}
    return _body(
        {"name": "patch", "datatype": "UINT8", "shape": list(patches.shape), "parameters": size}, patches.tobytes()
    )


def image_body(images: list[bytes]) -> tuple[bytes, dict[str, str]]:
    """A request with encoded images."""
    tail = join_elements(images)
    size = {"binary_data_size": len(tail)}
    return _body({"name": "image", "datatype": "BYTES", "shape": [len(images)], "parameters": size}, tail)


def _body(tensor: dict[str, object], tail: bytes) -> tuple[bytes, dict[str, str]]:
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + tail, {"Inference-Header-Content-Length": str(len(head))}


def main() -> None:
    """Measure, print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds for each figure instead of ten")
    seconds = 2.0 if parser.parse_args().quick else 10.0
    patches = np.random.default_rng(1).integers(0, 256, (BATCH, 50, 50, 3), dtype=np.uint8)
    images = [png_of(patch) for patch in patches]

    alone = Alone(patches, seconds)
    cases: dict[int, dict[str, tuple[tuple[bytes, dict[str, str]], int]]] = {
        BATCH: {"tensor_batch": (tensor_body(patches), 4), "png_batch": (image_body(images), 4)},
        1: {
            "png_single_16_connections": (image_body(images[:1]), 16),
            "png_single_1_connection": (image_body(images[:1]), 1),
        },
    }
    figures: dict[str, float] = {}
    drift = 1.0
    with inference_process(MODELS) as address:
        url = f"{address}/v2/models/idc/infer"
        for batch, rows in cases.items():
            baselines = [alone.patches_per_s(batch)]
            for name, (body, connections) in rows.items():
                result = asyncio.run(load(url, *body, connections=connections, seconds=seconds))
                baselines.append(alone.patches_per_s(batch))
                figures[f"{name}_ratio"] = round(result.requests_per_s * batch / (sum(baselines[-2:]) / 2), 3)
                print_row(name, result, batch)
            drift = max(drift, max(baselines) / min(baselines))
            print(f"{'OpenVINO alone':28} {sum(baselines) / len(baselines):9.0f} patches/s in batches of {batch}")
    print(json.dumps(figures | {"baseline_drift": round(drift, 2)}))


def print_row(name: str, result: LoadResult, batch: int) -> None:
    """One line of the table."""
    patches_per_s = result.requests_per_s * batch
    print(f"{name:28} {patches_per_s:9.0f} patches/s, p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms")


if __name__ == "__main__":
    main()
