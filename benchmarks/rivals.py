"""The shipped model in this project's service, in LitServe and in MLServer: single PNGs at 1, 8 and 64 connections.

`uv run --frozen python benchmarks/rivals.py [--quick]`. Each rival is installed from PyPI into an environment of its
own under `.tools/` and set up as its documentation says (benchmarks/rivals). The three are measured in turn in each
round, so that a machine that changes its speed changes it for all; figures are medians. The last line is JSON:
`*_throughput` is ours / theirs, `*_p99` theirs / ours: above 1 is ahead.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from inference import MODELS, Body, image_body

from idc_modelio.bundles import versions
from support.compose_stack import wait_until
from support.demo_patches import png_of
from support.http_load import LoadResult, load
from support.inference_process import inference_process
from support.free_port import free_port
from support.process_tree import end_on_sigterm, process_tree

RIVALS: Final = ROOT / "benchmarks" / "rivals"
CONNECTIONS: Final = (1, 8, 64)


def environment(name: str) -> Path:
    """The folder of a rival's programs, installed where it is not yet."""
    subprocess.run([ROOT / "scripts" / "install_peer.sh", name], check=True)
    return ROOT / ".tools" / "peers" / name / "bin"


@contextmanager
def rival(name: str, command: list[str], port: int, ready: str, folder: Path) -> Iterator[None]:
    """Serve while the block runs; then none of the rival's processes is left."""
    newest = max(versions(MODELS, "idc"))
    settings = {
        "RIVAL_MODEL": str(MODELS / "idc" / str(newest) / "model.xml"),
        "RIVAL_PORT": str(port),
        "PYTHONPATH": str(RIVALS),
    }
    with (
        (folder / f"{name}.log").open("wb") as log,
        process_tree(command, environment={**os.environ, **settings}, log=log, folder=folder),
    ):
        wait_until(lambda: answers(f"http://127.0.0.1:{port}{ready}"), f"{name} is ready", 120)
        yield


def answers(url: str) -> bool:
    """Whether a URL answers with success."""
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def mlserver_folder(folder: Path, port: int) -> None:
    """MLServer's two settings files."""
    (folder / "settings.json").write_text(
        json.dumps({"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0})
    )
    (folder / "model-settings.json").write_text(
        json.dumps({"name": "idc", "implementation": "mlserver_model.PatchRuntime"})
    )


def targets(stack: ExitStack, folder: Path, image: bytes) -> dict[str, tuple[str, Body]]:
    """Every server's address and request, all running."""
    ours = stack.enter_context(inference_process(MODELS))
    lit_port, ml_port = free_port(), free_port()
    lit = [str(environment("litserve") / "python"), str(RIVALS / "litserve_server.py")]
    stack.enter_context(rival("litserve", lit, lit_port, "/health", folder))
    mlserver_folder(folder, ml_port)
    ml = [str(environment("mlserver") / "mlserver"), "start", str(folder)]
    stack.enter_context(rival("mlserver", ml, ml_port, "/v2/models/idc/ready", folder))
    encoded = base64.b64encode(image).decode()
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [encoded]}
    ml_body = json.dumps({"inputs": [{**tensor, "parameters": {"content_type": "base64"}}]}).encode()
    return {
        "ours": (f"{ours}/v2/models/idc/infer", image_body([image])),
        "litserve": (
            f"http://127.0.0.1:{lit_port}/predict",
            (json.dumps({"image_bytes": encoded}).encode(), {"Content-Type": "application/json"}),
        ),
        "mlserver": (
            f"http://127.0.0.1:{ml_port}/v2/models/idc/infer",
            (ml_body, {"Content-Type": "application/json"}),
        ),
    }


def main() -> None:
    """Measure, print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of two seconds instead of three of eight")
    quick = parser.parse_args().quick
    end_on_sigterm()
    rounds, seconds = (1, 2.0) if quick else (3, 8.0)
    image = png_of(np.random.default_rng(1).integers(0, 256, (50, 50, 3), dtype=np.uint8))
    found: dict[tuple[str, int], list[LoadResult]] = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = targets(stack, Path(name), image)
        for connections in CONNECTIONS:
            for _ in range(rounds):
                for server, (url, (body, headers)) in servers.items():
                    result = asyncio.run(load(url, body, headers, connections=connections, seconds=seconds))
                    found.setdefault((server, connections), []).append(result)
    report(found)


def report(found: dict[tuple[str, int], list[LoadResult]]) -> None:
    """Print medians and, last, the ratios."""
    medians = {
        key: LoadResult(
            *(statistics.median(getattr(r, field) for r in results) for field in LoadResult.__annotations__)
        )
        for key, results in found.items()
    }
    ratios: dict[str, float] = {}
    print("| connections | server | requests/s | p50 ms | p99 ms |\n|---|---|---|---|---|")
    for (server, connections), result in medians.items():
        print(f"| {connections} | {server} | {result.requests_per_s:.1f} | {result.p50_ms:.1f} | {result.p99_ms:.1f} |")
        if server != "ours":
            own = medians["ours", connections]
            ratios[f"{server}_{connections}_throughput"] = round(own.requests_per_s / result.requests_per_s, 2)
            ratios[f"{server}_{connections}_p99"] = round(result.p99_ms / own.p99_ms, 2)
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
