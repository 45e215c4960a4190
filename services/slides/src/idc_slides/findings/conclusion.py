"""What is said of a slide as a whole."""

from collections.abc import Sequence
from typing import Final

from idc_contracts import Decision, Reason
from idc_contracts.slides import CellReview, Slide, SlideArea, SlideCounts
from idc_slides.findings.decided import DecidedCells
from idc_slidescores import idc_area

CELL_MM2: Final = 0.04
"""200 x 200 um."""
LEAST_JUDGED: Final = 0.5
"""Where less of the tissue could be judged, a slide without a finding is `uncertain`."""
UNREADABLE: Final = "unreadable"
"""The cause of cells whose pixels could not be read."""


def conclude(slide: Slide, decided: DecidedCells, reviews: Sequence[CellReview], minimum_idc_mm2: float) -> Slide:
    """The record with cut, counts, areas and decision.

    Args:
        slide: The record, with its scale and grid.
        decided: Its cells.
        reviews: The latest of each reviewer.
        minimum_idc_mm2: From this area on a slide is `idc`.
    """
    grid, decisions = decided.grid, decided.decisions
    left_out = {cause: len(cells) for cause, cells in grid.left_out().items()}
    idc = idc_area(decided.judged_means, decided.cut)
    unread_cells = left_out.get(UNREADABLE, 0)
    tissue_cells, unread_mm2 = len(decisions) + unread_cells, unread_cells * CELL_MM2
    counts = SlideCounts(
        cells=grid.logits.size,
        tissue=len(decisions),
        **{decision.value: int((decisions == decision).sum()) for decision in Decision},
        reasons=decided.reason_counts(),
        left_out=left_out,
        reviewed=len({(review.row, review.column) for review in reviews}),
    )
    blurred = counts.reasons.get(Reason.OUT_OF_FOCUS, 0) / max(1, counts.tissue)
    judged = len(decided.judged_means) / tissue_cells if tissue_cells else 0.0
    return slide.model_copy(
        update={
            "counts": counts,
            "tissue": SlideArea(mm2=round(tissue_cells * CELL_MM2, 4)),
            "idc": _rounded(idc),
            "uncertain": SlideArea(mm2=round(counts.uncertain * CELL_MM2, 4)),
            "quality": {**grid.quality, "blurred": round(blurred, 4), "judged": round(judged, 4)},
            "cut": decided.cut.slide_cut,
            "minimum_idc_mm2": minimum_idc_mm2,
            "decision": decide(idc.mm2, _reach_mm2(decided, idc) + unread_mm2, judged, minimum_idc_mm2),
            "warnings": _with_unread(slide.warnings, unread_mm2),
        }
    )


def decide(idc_mm2: float, reach_mm2: float, judged: float, minimum_idc_mm2: float) -> Decision:
    """The decision of a slide.

    Args:
        idc_mm2: The area of IDC.
        reach_mm2: The largest area that it may be, with all that could not be read.
        judged: The share of the tissue that could be judged.
        minimum_idc_mm2: The site's minimum.
    """
    if idc_mm2 >= minimum_idc_mm2:
        return Decision.IDC
    if reach_mm2 >= minimum_idc_mm2 or judged < LEAST_JUDGED:
        return Decision.UNCERTAIN
    return Decision.NO_IDC


def _reach_mm2(decided: DecidedCells, idc: SlideArea) -> float:
    """The upper end of the area's interval; without one, all that the model's own cuts do not call healthy."""
    if idc.high_mm2 is not None:
        return idc.high_mm2
    return float((decided.judged_means >= decided.cut.low).sum()) * CELL_MM2


def _with_unread(warnings: tuple[str, ...], unread_mm2: float) -> tuple[str, ...]:
    """The warnings with one of the tissue that could not be read; once, however often the slide is decided."""
    told = f"Tissue that could not be read, and may be IDC: {unread_mm2:.2f} mm². Copy the file again from the scanner."
    return (*warnings, told) if unread_mm2 and told not in warnings else warnings


def _rounded(area: SlideArea) -> SlideArea:
    return SlideArea(**{name: None if value is None else round(value, 4) for name, value in area})
