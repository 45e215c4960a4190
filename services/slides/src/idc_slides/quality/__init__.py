"""What on a slide is tissue, and what of it is blurred, folded or drawn on."""

from idc_slides.quality.focus import blurred_cells
from idc_slides.quality.tissue import TissueMap, tissue_cells

__all__ = ["TissueMap", "blurred_cells", "tissue_cells"]
