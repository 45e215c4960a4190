"""Measures reading and tissue alone, against OpenSlide's plain reading of the same level in the same run.

    uv run python benchmarks/slides.py --folder /tmp/slides --millimetres 20 15

The slide is made up (no data is needed), 0.5 um per pixel, JPEG tiles, with four levels or `--levels 1`. Prints JSON.
"""

import argparse
import json
import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import openslide

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.made_slides import tissue_slide
from support.slide_files import write_slide

from idc_slides.quality import tissue_cells
from idc_slides.reading import SlideFile
from idc_slides.scale import ChosenScale, choose_scale

CELL_MM = 0.2
STRIP_PX = 1024


def made(folder: Path, width_mm: float, height_mm: float, levels: int) -> Path:
    """Write the slide where it is not there yet."""
    path = folder / f"made-{width_mm:g}x{height_mm:g}-{levels}.tiff"
    if not path.exists():
        rows, columns = round(height_mm / CELL_MM), round(width_mm / CELL_MM)
        write_slide(path, tissue_slide(rows, columns).pixels, enlarged_by=8, levels=levels)
    return path


def screen(path: Path) -> tuple[dict[str, float], ChosenScale]:
    """Read a slide as the service does, without scoring."""
    begin_s = time.perf_counter()
    with SlideFile.open(path) as slide:
        chosen = choose_scale(slide.facts)
        opened_s = time.perf_counter()
        tissue = tissue_cells(slide.overview(), chosen.grid).tissue
        tissue_s = time.perf_counter()
        for _ in slide.bands(chosen, wanted=tissue):
            pass
        end_s = time.perf_counter()
        worker_mib = peak_mib(slide.worker_pid)
    figures = {
        "open_s": opened_s - begin_s,
        "overview_and_tissue_s": tissue_s - opened_s,
        "bands_s": end_s - tissue_s,
        "tissue_cells": int(tissue.sum()),
        "tissue_cells_per_s": float(tissue.sum() / (end_s - begin_s)),
        "worker_peak_mib": worker_mib,
        "parent_peak_mib": peak_mib(os.getpid()),
    }
    return figures, chosen


def peak_mib(pid: int) -> float:
    """The most memory that a process had resident since its start."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def plain_read_s(path: Path, level: int) -> float:
    """Seconds of OpenSlide alone for the level, in strips."""
    begin_s = time.perf_counter()
    with openslide.OpenSlide(path) as slide:
        width, height = slide.level_dimensions[level]
        downsample = slide.level_downsamples[level]
        for top in range(0, height, STRIP_PX):
            slide.read_region((0, round(top * downsample)), level, (width, min(STRIP_PX, height - top)))
    return time.perf_counter() - begin_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--millimetres", type=float, nargs=2, default=(20.0, 15.0))
    parser.add_argument("--levels", type=int, default=4)
    options = parser.parse_args()
    with get_context("spawn").Pool(1) as pool:  # another process, so that the peak of this one is reading's alone
        path = pool.apply(made, (options.folder, *options.millimetres, options.levels))
    figures, chosen = screen(path)
    plain_s = plain_read_s(path, chosen.record.level)
    whole_s = figures["open_s"] + figures["overview_and_tissue_s"] + figures["bands_s"]
    figures |= {
        "level": chosen.record.level,
        "plain_openslide_s": plain_s,
        "times_plain_openslide": whole_s / plain_s,
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
