"""The services of slides and inference, beside OpenVINO's `benchmark_app` on the same graph, in one run.

`uv run --frozen python benchmarks/slides.py --folder FOLDER [--only PART…] [--rounds N]`. Slides of 20 x 15 mm are made
up (no data is needed) and kept in the folder: JPEG TIFF with 0.5 um per pixel, of which 30 % or 100 % are tissue. A
slide is timed from its request to the end in its record; the ratio is the median of rounds of baseline, slide,
baseline. On a machine that others use, the ratio of processor times says more: what `benchmark_app` needs for a patch
over what all processes of both services need. Memory is that of the service of slides with its readers, what processes
share counted by its share (PSS). The last thing printed is JSON.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import httpx
import openslide

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from idc_contracts.bundle import Precision
from idc_inference.settings import InferenceSettings
from idc_modelio.bundle_graphs import graph_of
from idc_modelio.bundles import read_bundle, versions
from idc_slides.quality import tissue_cells
from idc_slides.reading import SlideFile
from idc_slides.scale import choose_scale
from support.benchmark_app import benchmark_app
from support.inference_process import inference_process
from support.made_slides import made_slide
from support.process_tree import end_on_sigterm
from support.processor_time import children, processor_with_children_s
from support.slide_files import write_slide
from support.slides_process import slides_process

MODELS: Final = ROOT / "models"
PARTS: Final = ("reading", "slides", "at-once", "memory")
PATCH_MM: Final = 0.2
SLIDE_MM: Final = (20.0, 15.0)
BASELINE_S: Final = 4
LOOK_S: Final = 0.05
STRIP_PX: Final = 1024
AT_ONCE: Final = 4
CALLER: Final = {"X-IDC-Caller": "benchmark"}


@dataclass(frozen=True)
class MadeFile:
    """A slide that the benchmark makes."""

    tissue: float
    """Share of its patches."""
    size_mm: tuple[float, float] = SLIDE_MM
    um_per_px: float = 0.5
    quality: int = 90
    """Of JPEG."""

    @property
    def name(self) -> str:
        """Of the file."""
        width, height = self.size_mm
        return f"made-{width:g}x{height:g}-{self.tissue:g}-{self.um_per_px:g}-{self.quality}.tiff"

    @property
    def megapixels(self) -> float:
        """Of its finest level."""
        return self.size_mm[0] * self.size_mm[1] / self.um_per_px**2

    def write(self, folder: Path) -> Path:
        """Write it where it is not there yet: stroma with a tumour in its middle, and glass around."""
        path = folder / self.name
        if not path.exists():
            part = path.with_suffix(".part")
            factor = round(4.0 / self.um_per_px)
            pixels = made_slide(self._kinds()).pixels
            write_slide(part, pixels, enlarged_by=factor, levels=factor.bit_length(), coarser=3, quality=self.quality)
            part.rename(path)
        return path

    def _kinds(self) -> list[list[str]]:
        columns, rows = (round(side / PATCH_MM) for side in self.size_mm)
        kinds = [["glass"] * columns for _ in range(rows)]
        high, wide = (round(side * self.tissue**0.5) for side in (rows, columns))
        for row in range((rows - high) // 2, (rows + high) // 2):
            for column in range((columns - wide) // 2, (columns + wide) // 2):
                is_dense = abs(row - rows / 2) < high / 6 and abs(column - columns / 2) < wide / 6
                kinds[row][column] = "tumour" if is_dense else "stroma"
        return kinds


SPARSE: Final = MadeFile(0.3)
FULL: Final = MadeFile(1.0)
FAITHFUL: Final = MadeFile(1.0, quality=97)
"""Its level of 2.0 um per pixel has lost little by its compression, and is the one that is screened."""
OF_300_MEGAPIXELS: Final = MadeFile(1.0, (10.0, 7.5))
AT_40X: Final = MadeFile(1.0, um_per_px=0.25)
ALL: Final = (SPARSE, FULL, FAITHFUL, OF_300_MEGAPIXELS, AT_40X)


class Services:
    """The service of slides, with its watched folder, and that of inference."""

    def __init__(self, address: str, folder: Path, slides_pid: int, inference_pid: int) -> None:
        self._client, self._folder = httpx.Client(base_url=address), folder
        self._pid, self._inference_pid = slides_pid, inference_pid
        self._count = 0

    def put(self, file: Path) -> str:
        """Queue a slide under a new name; gives its path at the service."""
        self._count += 1
        name = f"{self._count}.tiff"
        (self._folder / name).hardlink_to(file)
        answer = self._client.post("/slides", json={"path": name}, headers=CALLER).raise_for_status()
        return f"/slides/{answer.json()['id']}"

    def record(self, url: str) -> dict[str, Any]:
        """The slide's record.

        Raises:
            RuntimeError: It was not screened.
        """
        record: dict[str, Any] = self._client.get(url).json()
        if record["failure"] is not None:
            raise RuntimeError(record["failure"])
        return record

    def processor_s(self) -> float:
        """Processor time of all processes so far; a reader that has ended counts for its parent."""
        return sum(map(processor_with_children_s, (self._pid, self._inference_pid)))

    def memory(self) -> "Memory":
        """Looks at the memory of the service of slides while a block runs."""
        return Memory(self._pid)


@dataclass(frozen=True)
class Screened:
    """One slide, from the request to `done`."""

    patches: int
    whole_s: float
    first_s: float
    """Until the first patches have their score."""
    processor_s: float

    @property
    def patches_per_s(self) -> float:
        """Of the whole slide."""
        return self.patches / self.whole_s


def screen(services: Services, file: Path) -> Screened:
    """Screen a slide while nothing else is asked."""
    before_s, begin_s = services.processor_s(), time.time()
    url, first_s = services.put(file), None
    while True:
        record = services.record(url)
        if first_s is None and record["counts"] is not None and record["counts"]["tissue"]:
            first_s = time.time() - begin_s
        if record["state"] == "done":
            break
        time.sleep(LOOK_S)
    whole_s = datetime.fromisoformat(record["finished_at"]).timestamp() - begin_s
    return Screened(record["counts"]["tissue"], whole_s, first_s or whole_s, services.processor_s() - before_s)


class Memory:
    """The most memory that a process and its children have together at one time, looked at in a thread."""

    def __init__(self, pid: int) -> None:
        self.most_mb = 0.0
        self._pid, self._ended = pid, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Memory":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.most_mb = max(self.most_mb, sum(map(pss_mb, [self._pid, *children(self._pid)])))


def pss_mb(pid: int) -> float:
    """The memory of a process in 10^6 bytes, what it shares with others by its share; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))


@dataclass(frozen=True)
class Baseline:
    """`benchmark_app`, once."""

    patches_per_s: float
    processor_s: float
    """For one patch."""


class Baselines:
    """`benchmark_app` with the batch with which it is fastest."""

    def __init__(self, graph: Path) -> None:
        self._graph = graph
        chunk = int(InferenceSettings.model_fields["chunk_patches"].default)
        self._batch = max((1, chunk), key=lambda batch: self._run(batch, 2)[0])

    def measure(self) -> Baseline:
        """Two runs: what both need for their start cancels out of the processor time."""
        short, long = (self._run(self._batch, seconds) for seconds in (1, BASELINE_S))
        return Baseline(long[0], (long[1] - short[1]) / (long[0] * BASELINE_S - short[0]))

    def _run(self, batch: int, seconds: int) -> tuple[float, float]:
        """Patches per second, and seconds of processor time."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        rate = benchmark_app(self._graph, batch=batch, seconds=seconds).patches_per_s
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return rate, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def whole_slides(services: Services, folder: Path, graph: Path, rounds: int) -> dict[str, float]:
    """Slides end to end."""
    baselines, figures = Baselines(graph), {}
    for name, made in (("tissue_30", SPARSE), ("tissue_100", FULL), ("tissue_100_faithful", FAITHFUL)):
        found = against_baseline(services, made.write(folder), baselines, rounds)
        figures |= {f"{name}_{figure}": value for figure, value in found.items()}
    return figures


def against_baseline(services: Services, file: Path, baselines: Baselines, rounds: int) -> dict[str, float]:
    """One slide in rounds of baseline, slide, baseline."""
    screen(services, file)  # reads the file into the system's cache, and warms inference up
    found, ratios, processor_ratios, before = [], [], [], baselines.measure()
    for _ in range(rounds):
        slide = screen(services, file)
        after = baselines.measure()
        found.append(slide)
        ratios.append(2 * slide.patches_per_s / (before.patches_per_s + after.patches_per_s))
        processor_ratios.append((before.processor_s + after.processor_s) / 2 * slide.patches / slide.processor_s)
        before = after
    return {
        "patches": found[0].patches,
        "s": statistics.median(slide.whole_s for slide in found),
        "ratio": statistics.median(ratios),
        "best_ratio": max(ratios),
        "processor_ratio": statistics.median(processor_ratios),
        "processor_ms_per_patch": 1000 * statistics.median(slide.processor_s / slide.patches for slide in found),
        "first_part_share": statistics.median(slide.first_s / slide.whole_s for slide in found),
    }


def reading_alone(folder: Path) -> dict[str, float]:
    """Opening, tissue and rows without scoring, against OpenSlide's plain reading of the same level."""
    path = FULL.write(folder)
    begin_s = time.perf_counter()
    with SlideFile.open(path) as slide:
        chosen = choose_scale(slide.facts)
        opened_s = time.perf_counter()
        tissue = tissue_cells(slide.overview(), chosen.grid).tissue
        tissue_s = time.perf_counter()
        for _ in slide.bands(chosen, wanted=tissue):
            pass
        end_s = time.perf_counter()
    plain_s = plain_read_s(path, chosen.record.level)
    return {
        "reading_open_s": opened_s - begin_s,
        "reading_tissue_s": tissue_s - opened_s,
        "reading_rows_s": end_s - tissue_s,
        "reading_level_um_per_px": chosen.record.level_um_per_px,
        "reading_patches_per_s": float(tissue.sum()) / (end_s - begin_s),
        "reading_times_plain_openslide": (end_s - begin_s) / plain_s,
    }


def plain_read_s(path: Path, level: int) -> float:
    """Seconds of OpenSlide alone for the level, in strips."""
    begin_s = time.perf_counter()
    with openslide.OpenSlide(path) as slide:
        width, height = slide.level_dimensions[level]
        downsample = slide.level_downsamples[level]
        for top in range(0, height, STRIP_PX):
            slide.read_region((0, round(top * downsample)), level, (width, min(STRIP_PX, height - top)))
    return time.perf_counter() - begin_s


def memory(services: Services, folder: Path) -> dict[str, float]:
    """The memory of the service while it screens one slide."""
    figures = {}
    for made in (OF_300_MEGAPIXELS, AT_40X):
        with services.memory() as seen:
            screen(services, made.write(folder))
        figures[f"memory_mb_{made.megapixels:.0f}_megapixels_{made.um_per_px:g}_um_per_px"] = seen.most_mb
    return figures


def at_once(services: Services, folder: Path, rounds: int) -> dict[str, float]:
    """Slides at once against one after the other, by the time for each."""
    file, ratios = SPARSE.write(folder), []
    for _ in range(rounds):
        begin_s = time.perf_counter()
        for _ in range(AT_ONCE):
            screen(services, file)
        alone_s = time.perf_counter() - begin_s
        urls = [services.put(file) for _ in range(AT_ONCE)]
        while any(services.record(url)["state"] != "done" for url in urls):
            time.sleep(LOOK_S)
        ratios.append((time.perf_counter() - begin_s - alone_s) / alone_s)
    return {f"{AT_ONCE}_at_once_over_one_after_the_other": statistics.median(ratios)}


@contextmanager
def running(made: Path, workers: int) -> Iterator[Services]:
    """Both services while the block runs, with so many slides at a time, beside the folder of the made ones."""
    before = children()
    with tempfile.TemporaryDirectory(dir=made) as scratch, inference_process(MODELS) as inference:
        folder, (inference_pid,) = Path(scratch) / "slides", children() - before
        folder.mkdir()
        settings = {"SLIDES_FOLDER_POLL_S": "3600", "SLIDES_WORKERS": str(workers), "SLIDES_LOG_LEVEL": "WARNING"}
        with slides_process(Path(scratch) / "data", folder, inference, **settings) as address:
            (slides_pid,) = children() - before - {inference_pid}
            yield Services(address, folder, slides_pid, inference_pid)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the made slides are kept, some 2 GB")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    end_on_sigterm()
    options.folder.mkdir(parents=True, exist_ok=True)
    with get_context("spawn").Pool(1) as pool:  # what drawing takes of memory is another process's
        pool.starmap(MadeFile.write, [(made, options.folder) for made in ALL])
    bundle = read_bundle(MODELS / "idc" / str(max(versions(MODELS, "idc"))))
    figures: dict[str, float] = {}
    if "reading" in options.only:
        figures |= reading_alone(options.folder)
    with running(options.folder, workers=AT_ONCE) as services:
        if "slides" in options.only:
            figures |= whole_slides(services, options.folder, graph_of(bundle, Precision.FP16).path, options.rounds)
        if "at-once" in options.only:
            figures |= at_once(services, options.folder, options.rounds)
    if "memory" in options.only:
        with running(options.folder, workers=1) as services:
            figures |= memory(services, options.folder)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
