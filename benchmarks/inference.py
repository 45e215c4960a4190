"""The inference service over HTTP, beside the same graph run by OpenVINO alone, in one run.

`uv run --frozen python benchmarks/inference.py [--quick]`. The baseline keeps all infer requests of the device busy, as
OpenVINO's benchmark_app does with the throughput hint. The last line is JSON: `*_ratio` is service / baseline.
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


def baseline_patches_per_s(patches: NDArray[np.uint8], batch: int, seconds: float) -> float:
    """Patches a second of OpenVINO alone, all infer requests busy.

    Args:
        patches: RGB, uint8, shape (N, 50, 50, 3), N >= batch.
        batch: Patches in one infer request.
        seconds: How long.
    """
    path = MODELS / "idc" / str(versions(MODELS, "idc")[0]) / "model.xml"
    compiled = ov.Core().compile_model(path, "CPU", COMPILE_CONFIG)
    queue = ov.AsyncInferQueue(compiled)
    for _ in range(2 * len(queue)):
        queue.start_async({0: patches[:batch]})
    queue.wait_all()
    begin_s, count = time.perf_counter(), 0
    while time.perf_counter() - begin_s < seconds:
        queue.start_async({0: patches[:batch]})
        count += batch
    queue.wait_all()
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

    alone = {batch: baseline_patches_per_s(patches, batch, seconds) for batch in (1, BATCH)}
    with inference_process(MODELS) as address:
        url = f"{address}/v2/models/idc/infer"

        def run(body: tuple[bytes, dict[str, str]], connections: int) -> LoadResult:
            return asyncio.run(load(url, *body, connections=connections, seconds=seconds))

        rows = {
            "tensor_batch": (run(tensor_body(patches), 4), BATCH),
            "png_batch": (run(image_body(images), 4), BATCH),
            "png_single_16_connections": (run(image_body(images[:1]), 16), 1),
            "png_single_1_connection": (run(image_body(images[:1]), 1), 1),
        }
    ratios: dict[str, float] = {}
    print(f"{'OpenVINO alone':28} {alone[BATCH]:9.0f} patches/s in batches of {BATCH}, {alone[1]:.0f} one by one")
    for name, (result, batch) in rows.items():
        patches_per_s = result.requests_per_s * batch
        ratios[f"{name}_ratio"] = round(patches_per_s / alone[batch], 3)
        print(f"{name:28} {patches_per_s:9.0f} patches/s, p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms")
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
