"""Patches through the gateway beside the same sent straight to inference, and lists over a small and a large database.

`uv run --frozen python benchmarks/gateway.py [--quick] [--no-lists] [--beside PYTHON]`. The services are processes of
their own; the gateway checks and keeps each image, stores each result with a synced commit and publishes it to a real
Mosquitto. A bare proxy with one synced commit for each request (`bare_gateway.py`) shows what a gateway costs at the
least. The ways are measured in turn in each round, so that a machine that changes its speed changes it for all;
numbers are medians. `--beside` takes the interpreter of another checkout's environment and measures its gateway in the
same rounds. The last line is JSON: `*_ratio` is gateway / inference in throughput, `*_added_ms` what the gateway adds
to the median latency, `*_processor_ms` the processor time of one process per request, `list_*_ratio` the time of a page
of a large database over that of a small one.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from bare_gateway import bare_process
from inference import MODELS, Body, image_body

from support.demo_patches import png_of
from support.gateway_process import gateway_process
from support.http_load import LoadResult, load
from support.inference_process import inference_process
from support.mosquitto import MosquittoBroker
from support.processor_time import children, processor_s

BATCH_FILES: Final = 1000
STRAIGHT: Final = "straight"
BARE: Final = "bare"
THROUGH: Final = "through"
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


@dataclass(frozen=True)
class Way:
    """How images reach the model."""

    name: str
    url: str
    headers: dict[str, str]
    processes: dict[str, int]
    """Ids of the processes that work for it."""


@dataclass(frozen=True)
class Run:
    """What one run of one way measured."""

    load: LoadResult
    processor_ms: dict[str, float]
    """Per request, of each process, the generator of the load among them."""


def run_once(way: Way, case: Case, seconds: float) -> Run:
    """Send one case's requests for so long."""
    body, headers = case.straight if way.name == STRAIGHT else case.through
    processes = {"generator": os.getpid(), **way.processes}
    before_s = {name: processor_s(pid) for name, pid in processes.items()}
    result = asyncio.run(
        load(way.url, body, headers | way.headers, connections=case.connections, seconds=seconds, warm_up_s=0.0)
    )
    spent_s = {name: processor_s(pid) - before_s[name] for name, pid in processes.items()}
    return Run(result, {name: spent * 1000 / result.requests for name, spent in spent_s.items()})


def measure(case: Case, ways: list[Way], rounds: int, seconds: float) -> None:
    """All ways in turn, after a warm-up; prints a line for each and keeps the ratios to the first one."""
    for way in ways:
        run_once(way, case, 1.0)
    runs: dict[str, list[Run]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            runs[way.name].append(run_once(way, case, seconds))
    for name, found in runs.items():
        print_line(case.name, name, found)
        if name == STRAIGHT:
            continue
        pairs = [(straight.load, through.load) for straight, through in zip(runs[STRAIGHT], found, strict=True)]
        prefix = case.name if name == THROUGH else f"{name}_{case.name}"
        RATIOS[f"{prefix}_ratio"] = round(statistics.median(t.requests_per_s / s.requests_per_s for s, t in pairs), 3)
        RATIOS[f"{prefix}_added_ms"] = round(statistics.median(t.p50_ms - s.p50_ms for s, t in pairs), 2)
        for process in found[0].processor_ms:
            RATIOS[f"{prefix}_{process}_processor_ms"] = round(processor_ms(found, process), 3)


def print_line(case: str, way: str, runs: list[Run]) -> None:
    """The run of median throughput, and the median processor time of each process."""
    middle = sorted((run.load for run in runs), key=lambda result: result.requests_per_s)[len(runs) // 2]
    spent = ", ".join(f"{name} {processor_ms(runs, name):.2f}" for name in runs[0].processor_ms)
    print(
        f"{case:20} {way:9} {middle.requests_per_s:7.1f} requests/s, p50 {middle.p50_ms:7.1f} ms, "
        f"p99 {middle.p99_ms:7.1f} ms; processor ms per request: {spent}",
        flush=True,
    )


def processor_ms(runs: list[Run], process: str) -> float:
    """A process's median time per request."""
    return statistics.median(run.processor_ms[process] for run in runs)


RATIOS: Final[dict[str, float]] = {}


def memory_mb(pid: int) -> float:
    """A process's resident memory, MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


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
        settings = of_device(f"rows-{size}")
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
    parser.add_argument("--no-lists", action="store_true", help="leave the lists out")
    parser.add_argument("--beside", metavar="PYTHON", help="measure the gateway of another checkout's environment, too")
    parser.add_argument("--rounds", type=int, help="how often each way is measured")
    given = parser.parse_args()
    rounds, seconds, rows = (1, 3.0, 100_000) if given.quick else (3, 8.0, 1_000_000)
    pythons = {THROUGH: sys.executable} | ({"beside": given.beside} if given.beside else {})
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = MosquittoBroker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        key = {"Authorization": f"Bearer {broker.api_key_file.read_text().strip()}"}
        inference, inference_pid = started(stack, inference_process(MODELS))
        processes = {"inference": inference_pid}
        ways = [Way(STRAIGHT, f"{inference}/v2/models/idc/infer", {}, processes)]
        with ExitStack() as gateways:
            address, pid = started(gateways, bare_process(inference, folder / "bare.sqlite3"))
            ways.append(Way(BARE, address + "/", {}, {**processes, "gateway": pid}))
            for way, python in pythons.items():
                (folder / way).mkdir()
                serving = gateway_process(folder / way, broker, inference, python=python, **of_device(way))
                address, pid = started(gateways, serving)
                ways.append(Way(way, f"{address}/api/v1/classifications", key, {**processes, "gateway": pid}))
                RATIOS[f"{way}_idle_memory_mb"] = memory_mb(pid)
            for case in cases():
                measure(case, ways, given.rounds or rounds, seconds)
            for way in ways[2:]:
                RATIOS[f"{way.name}_loaded_memory_mb"] = memory_mb(way.processes["gateway"])
        if not given.no_lists:
            measure_lists(stack, folder, broker, inference, [10_000, rows])
    print(json.dumps(RATIOS))


def started(stack: ExitStack, serving: AbstractContextManager[str]) -> tuple[str, int]:
    """Start a service; gives its address and process id."""
    before = children()
    address = stack.enter_context(serving)
    (pid,) = children() - before
    return address, pid


def of_device(name: str) -> dict[str, str]:
    """Settings of a gateway that is one of several at one broker."""
    return {**UNBOUNDED, "GATEWAY_DEVICE": name}


if __name__ == "__main__":
    main()
