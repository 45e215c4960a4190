"""The services of slides and inference, beside OpenVINO's `benchmark_app` on the same graph, in one run.

`uv run --frozen python benchmarks/slides.py [--quick] [--folder FOLDER] [--only PART…] [--rounds N]`. Slides of
20 x 15 mm are made up (no data is needed) and kept in the folder: JPEG TIFF with 0.5 um per pixel, of which 30 % or
100 % are tissue. A slide is timed from its request to the end in its record; the ratio is the median of rounds of
baseline, slide, baseline. On a machine that others use, the ratio of processor times says more: what `benchmark_app`
needs for a patch over what all processes of both services need. Memory is that of the service of slides with its
readers, what processes share counted by its share (PSS). The last thing printed is JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from idc_contracts.bundle import Precision
from idc_modelio.bundle_graphs import graph_of
from idc_modelio.bundles import read_bundle, versions
from whole_slides.baseline import Baselines
from whole_slides.files import ALL, AT_40X, FAITHFUL, FULL, OF_300_MEGAPIXELS, SPARSE, MadeFile
from whole_slides.reading import reading_alone
from whole_slides.services import LOOK_S, Services, running, screen
from support.process_tree import end_on_sigterm

MODELS: Final = ROOT / "models"
PARTS: Final = ("reading", "slides", "at-once", "memory")
QUICK_PARTS: Final = ("reading", "slides")
KEPT: Final = Path(tempfile.gettempdir()) / "idc-made-slides"
AT_ONCE: Final = 4


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, without what needs the largest slides")
    parser.add_argument("--folder", type=Path, default=KEPT, help="where the made slides are kept, some 2 GB")
    parser.add_argument("--only", choices=PARTS, nargs="+")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    parts = options.only or (QUICK_PARTS if options.quick else PARTS)
    rounds = options.rounds or (1 if options.quick else 3)
    end_on_sigterm()
    options.folder.mkdir(parents=True, exist_ok=True)
    needed = ALL if "memory" in parts else (SPARSE, FULL, FAITHFUL)
    with get_context("spawn").Pool(1) as pool:  # what drawing takes of memory is another process's
        pool.starmap(MadeFile.write, [(made, options.folder) for made in needed])
    figures: dict[str, float] = {}
    if "reading" in parts:
        figures |= reading_alone(FULL.write(options.folder))
    with running(MODELS, options.folder, workers=AT_ONCE) as services:
        if "slides" in parts:
            bundle = read_bundle(MODELS / "idc" / str(max(versions(MODELS, "idc"))))
            figures |= whole_slides(services, options.folder, graph_of(bundle, Precision.FP16).path, rounds)
        if "at-once" in parts:
            figures |= at_once(services, options.folder, rounds)
    if "memory" in parts:
        with running(MODELS, options.folder, workers=1) as services:
            figures |= memory(services, options.folder)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
