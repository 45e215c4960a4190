"""Patches through the gateway beside the same sent straight to inference, and lists over a small and a large database.

`uv run --frozen python benchmarks/gateway.py [--quick]`. Both services are processes of their own; the gateway checks
and keeps each image, stores each result with a synced commit and publishes it to a real Mosquitto. The two ways are
measured in turn in each round, so that a machine that changes its speed changes it for both; figures are medians. The
last line is JSON: `*_ratio` is gateway / inference in throughput, `*_added_ms` what the gateway adds to the median
latency, `list_*_ratio` the time of a page of a large database over that of a small one.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from inference import MODELS, Body, image_body

from support.demo_patches import png_of
from support.gateway_process import gateway_process
from support.http_load import LoadResult, load
from support.inference_process import inference_process
from support.mosquitto import MosquittoBroker

BATCH_FILES: Final = 1000
UNBOUNDED: Final = {"GATEWAY_REQUESTS_PER_MINUTE": "1000000", "GATEWAY_LOG_LEVEL": "WARNING"}
LISTS: Final = {
    "newest": {},
    "decision": {"decision": "idc"},
    "patient": {"patient": "p7"},
    "slide": {"slide": "p7_s3"},
    "reviewed": {"reviewed": "true"},
    "unreviewed": {"reviewed": "false"},
    "time": {"created_before": "2026-01-01T01:00:00Z"},
    "decision_and_patient": {"decision": "uncertain", "patient": "p7"},
}


@dataclass(frozen=True)
class Case:
    """The same images as a request to the gateway and as one to inference."""

    name: str
    connections: int
    through: Body
    straight: Body


def form_body(images: list[bytes]) -> Body:
    """Many images as one form."""
    head = b'--cut\r\nContent-Disposition: form-data; name="images"; filename="patch.png"\r\n\r\n'
    body = b"".join(head + image + b"\r\n" for image in images) + b"--cut--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=cut"}


def cases() -> list[Case]:
    """The issue's traffic: one patch at a time, many at a time, a folder."""
    pixels = np.random.default_rng(1).integers(0, 256, (BATCH_FILES, 50, 50, 3), dtype=np.uint8)
    images = [png_of(patch) for patch in pixels]
    single = (images[0], {"Content-Type": "image/png"})
    return [
        Case("single_1_connection", 1, single, image_body(images[:1])),
        Case("single_64_connections", 64, single, image_body(images[:1])),
        Case("batch_of_1000", 1, form_body(images), image_body(images)),
    ]


def measure(case: Case, gateway: str, inference: str, key: dict[str, str], rounds: int, seconds: float) -> None:
    """Both ways in turn; prints a line for each and keeps the ratios."""
    found: dict[str, list[LoadResult]] = {"straight": [], "through": []}
    for _ in range(rounds):
        for way, url, (body, headers) in (
            ("straight", f"{inference}/v2/models/idc/infer", case.straight),
            ("through", f"{gateway}/api/v1/classifications", (case.through[0], case.through[1] | key)),
        ):
            found[way].append(asyncio.run(load(url, body, headers, connections=case.connections, seconds=seconds)))
    rates = [t.requests_per_s / s.requests_per_s for s, t in zip(found["straight"], found["through"], strict=True)]
    added = [t.p50_ms - s.p50_ms for s, t in zip(found["straight"], found["through"], strict=True)]
    for way, results in found.items():
        middle = sorted(results, key=lambda result: result.requests_per_s)[len(results) // 2]
        print(
            f"{case.name:22} {way:9} {middle.requests_per_s:8.1f} requests/s, "
            f"p50 {middle.p50_ms:8.1f} ms, p99 {middle.p99_ms:8.1f} ms"
        )
    RATIOS[f"{case.name}_ratio"] = round(statistics.median(rates), 3)
    RATIOS[f"{case.name}_added_ms"] = round(statistics.median(added), 2)


RATIOS: Final[dict[str, float]] = {}


def memory_mb(gateway: str, key: dict[str, str]) -> float:
    """The gateway's resident memory, MB, as it tells itself."""
    lines = httpx.get(f"{gateway}/metrics", headers=key).text.splitlines()
    (line,) = [line for line in lines if line.startswith("process_resident_memory_bytes ")]
    return round(float(line.split()[1]) / 1e6, 1)


def fill(database: Path, rows: int) -> None:
    """Put made-up results into a gateway's database."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        names = [column[1] for column in connection.execute("PRAGMA table_info(classifications)")]
        marks = ", ".join("?" for _ in names)
        connection.executemany(
            f"INSERT INTO classifications ({', '.join(names)}) VALUES ({marks})",
            ([row[name] for name in names] for row in made_up(rows)),
        )


def made_up(rows: int) -> Iterator[dict[str, object]]:
    """Results of 100 patients with 10 slides each, one a second; one of a hundred is reviewed."""
    for number in range(rows):
        patient = f"p{number % 100}"
        moment = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime(1767225600 + number))
        yield {
            "sequence": number + 1,
            "id": f"{number:032x}",
            "name": f"{number}.png",
            "probability": 0.5,
            "decision": ("no_idc", "no_idc", "idc", "uncertain")[number % 4],
            "model_name": "idc",
            "model_version": "1",
            "model_sha256": "0" * 64,
            "no_idc_below": 0.3,
            "idc_from": 0.7,
            "latency_ms": 1.0,
            "created_at": moment,
            "width_px": 50,
            "height_px": 50,
            "patient": patient,
            "slide": f"{patient}_s{number // 100 % 10}",
            "x": number % 1000,
            "y": number // 1000,
            "image_sha256": None,
            "verdict": "idc" if number % 100 == 7 else None,
        }


def measure_lists(stack: ExitStack, folder: Path, broker: MosquittoBroker, inference: str, sizes: list[int]) -> None:
    """Time pages of a small and a large database in turn."""
    gateways = []
    for size in sizes:
        place = folder / f"rows-{size}"
        place.mkdir()
        settings = {**UNBOUNDED, "GATEWAY_DEVICE": f"rows-{size}"}
        with gateway_process(place, broker, inference, **settings):
            pass  # makes the tables
        fill(place / "gateway.sqlite3", size)
        gateways.append(stack.enter_context(gateway_process(place, broker, inference, **settings)))
    key = {"Authorization": f"Bearer {broker.api_key_file.read_text().strip()}"}
    with httpx.Client(headers=key, timeout=60) as client:
        for name, query in LISTS.items():
            times_ms: list[list[float]] = [[], []]
            for _ in range(40):
                for address, times in zip(gateways, times_ms, strict=True):
                    begin_s = time.perf_counter()
                    client.get(f"{address}/api/v1/classifications", params=query).raise_for_status()
                    times.append((time.perf_counter() - begin_s) * 1000)
            small, large = (statistics.median(times) for times in times_ms)
            print(f"list, {name:22} {sizes[0]:9,} rows {small:6.1f} ms   {sizes[1]:9,} rows {large:6.1f} ms")
            RATIOS[f"list_{name}_ratio"] = round(large / small, 3)


def main() -> None:
    """Measure, print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, and 100,000 rows instead of 1,000,000")
    quick = parser.parse_args().quick
    rounds, seconds, rows = (1, 3.0, 100_000) if quick else (3, 8.0, 1_000_000)
    with tempfile.TemporaryDirectory() as name, inference_process(MODELS) as inference, ExitStack() as stack:
        folder = Path(name)
        for place in ("broker", "gateway"):
            (folder / place).mkdir()
        broker = MosquittoBroker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        key = {"Authorization": f"Bearer {broker.api_key_file.read_text().strip()}"}
        with gateway_process(folder / "gateway", broker, inference, **UNBOUNDED) as gateway:
            RATIOS["idle_memory_mb"] = memory_mb(gateway, key)
            for case in cases():
                measure(case, gateway, inference, key, rounds, seconds)
            RATIOS["loaded_memory_mb"] = memory_mb(gateway, key)
        measure_lists(stack, folder, broker, inference, [10_000, rows])
    print(json.dumps(RATIOS))


if __name__ == "__main__":
    main()
