"""Reading a slide without scoring it, against OpenSlide."""

import time
from pathlib import Path
from typing import Final

import openslide

from idc_slides.quality import tissue_cells
from idc_slides.reading import SlideFile

STRIP_PX: Final = 1024


def reading_alone(path: Path) -> dict[str, float]:
    """Opening, tissue and rows without scoring, against OpenSlide's plain reading of the same level."""
    begin_s = time.perf_counter()
    with SlideFile.open(path) as slide:
        chosen = slide.scale()
        opened_s = time.perf_counter()
        tissue = tissue_cells(slide.overview().pixels, chosen.grid).tissue
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
