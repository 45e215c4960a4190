"""Single patches and batches through the gateway, beside the same sent straight to inference, in one run.

`uv run --frozen python benchmarks/gateway.py [--quick]`. Both services are processes of their own; the gateway stores
each result with a synced commit and publishes it to a real Mosquitto. The last line is JSON: `*_ratio` is gateway /
inference in throughput, `*_added_ms` what the gateway adds to the median latency.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from inference import BATCH, MODELS, image_body

from support.demo_patches import png_of
from support.gateway_process import gateway_process
from support.http_load import LoadResult, load
from support.inference_process import inference_process
from support.mosquitto import MosquittoBroker


def form_body(images: list[bytes]) -> tuple[bytes, dict[str, str]]:
    """Many images as one form."""
    head = b'--cut\r\nContent-Disposition: form-data; name="images"; filename="patch.png"\r\n\r\n'
    body = b"".join(head + image + b"\r\n" for image in images) + b"--cut--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=cut"}


def main() -> None:
    """Measure, print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds for each figure instead of ten")
    seconds = 2.0 if parser.parse_args().quick else 10.0
    pixels = np.random.default_rng(1).integers(0, 256, (BATCH, 50, 50, 3), dtype=np.uint8)
    images = [png_of(patch) for patch in pixels]
    single = (images[0], {"Content-Type": "image/png"})
    cases = {
        "single_1_connection": (1, single, image_body(images[:1])),
        "single_16_connections": (16, single, image_body(images[:1])),
        "batch_2_connections": (2, form_body(images), image_body(images)),
    }

    def run(url: str, body: bytes, headers: dict[str, str], connections: int) -> LoadResult:
        return asyncio.run(load(url, body, headers, connections=connections, seconds=seconds))

    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, inference_process(MODELS) as inference:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = MosquittoBroker(folder / "broker")
        broker.start()
        key = {"Authorization": f"Bearer {broker.api_key_file.read_text().strip()}"}
        with gateway_process(folder, broker, inference) as gateway:
            for case, (connections, (body, headers), (oip_body, oip_headers)) in cases.items():
                straight = run(f"{inference}/v2/models/idc/infer", oip_body, oip_headers, connections)
                through = run(f"{gateway}/api/v1/classifications", body, headers | key, connections)
                print(f"{case:24} straight {straight}\n{'':24} gateway  {through}")
                ratios[f"{case}_ratio"] = round(through.requests_per_s / straight.requests_per_s, 3)
                ratios[f"{case}_added_ms"] = round(through.p50_ms - straight.p50_ms, 2)
        broker.stop()
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
