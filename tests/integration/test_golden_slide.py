"""The golden slide: the same tissue gives the same P, whatever file it comes in."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_modelio.graphs import CompiledGraph, core
from idc_slides.quality import tissue_cells
from idc_slides.reading import SlideFile
from idc_slides.scale import choose_scale
from support.composed_slides import compose
from support.slide_files import write_slide

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[2]
MEAN, MOST = 0.02, 0.10


@pytest.fixture(scope="module")
def graph() -> CompiledGraph:
    return CompiledGraph(core().read_model(REPOSITORY / "models" / "idc" / "2" / "model.xml"))
