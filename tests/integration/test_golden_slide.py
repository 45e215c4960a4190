"""The golden slide: the same tissue gives the same P, whatever file it comes in."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from idc_modelio.graphs import Graph, core
from idc_modelio.outputs import PROBABILITY
from idc_slides.quality import tissue_cells
from idc_slides.reading import SlideFile
from support.composed_slides import compose
from support.shipped_model import SHIPPED_BUNDLE
from support.slide_files import write_slide

pytestmark = pytest.mark.integration

LIMITS = (0.02, 0.10)
"""Mean and largest difference of P."""
Cells = NDArray[np.uint8]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph(core().read_model(SHIPPED_BUNDLE / "model.xml"))


def screened(path: Path) -> Cells:
    """All cells of a slide, shape (rows, columns, 50, 50, 3)."""
    with SlideFile.open(path) as slide:
        return np.stack([band.cells for band in slide.bands(slide.scale())])


def assert_same_scores(graph: Graph, found: Cells, expected: Cells) -> None:
    """Compare the scores of cells, each shape (N, 50, 50, 3)."""
    one, other = (graph.infer(np.ascontiguousarray(cells))[PROBABILITY] for cells in (found, expected))
    differences = np.abs(one - other)

    assert len(differences) > 10
    assert differences.mean() <= LIMITS[0]
    assert differences.max() <= LIMITS[1]


@pytest.mark.parametrize("levels", [1, 4])
def test_a_composed_slide_at_half_a_um_scores_as_its_patches(
    graph: Graph, idc_data: Path, tmp_path: Path, levels: int
) -> None:
    composed = compose(idc_data, "9035")
    rows, columns = slice(10, 20), slice(8, 18)
    pixels = composed.pixels[500:1000, 400:900]
    path = write_slide(tmp_path / "slide.tiff", pixels, enlarged_by=8, levels=levels)
    patches = composed.labels[rows, columns] >= 0

    cells = pixels.reshape(10, 50, 10, 50, 3).swapaxes(1, 2)

    assert_same_scores(graph, screened(path)[patches], cells[patches])


def test_svs_and_tiff_at_both_scales_score_alike(graph: Graph, idc_slides: Path, tmp_path: Path) -> None:
    svs, tissue = region_and_tissue(idc_slides)
    rows, columns = tissue.shape
    coarse = write_slide(
        tmp_path / "coarse.tiff", svs.swapaxes(1, 2).reshape(rows * 50, columns * 50, 3), compression="deflate"
    )
    fine = tmp_path / "fine.tiff"
    finest = tifffile.imread(idc_slides / "CMU-1-Small-Region.svs", key=0)
    resolution = (1e4 / 0.499, 1e4 / 0.499)
    tifffile.imwrite(
        fine, finest, tile=(256, 256), photometric="rgb", compression="deflate",
        resolution=resolution, resolutionunit="CENTIMETER", metadata=None,
    )  # fmt: skip

    assert_same_scores(graph, screened(coarse)[tissue], svs[tissue])
    assert_same_scores(graph, screened(fine)[tissue], svs[tissue])


def test_dicom_scores_as_the_svs_it_was_made_from(graph: Graph, idc_slides: Path) -> None:
    svs, tissue = region_and_tissue(idc_slides)

    dicom = screened(idc_slides / "cmu-1-small-region-dicom")

    assert_same_scores(graph, dicom[tissue], svs[tissue])


def region_and_tissue(samples: Path) -> tuple[Cells, NDArray[np.bool_]]:
    """The SVS, and which of its cells are screened."""
    path = samples / "CMU-1-Small-Region.svs"
    with SlideFile.open(path) as slide:
        tissue = tissue_cells(slide.overview().pixels, slide.scale().grid).tissue
    return screened(path), tissue
