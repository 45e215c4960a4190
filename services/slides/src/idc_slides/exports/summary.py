"""A page for print about one slide."""

import base64
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined

from idc_contracts import Decision
from idc_contracts.slides import Slide, SlideArea
from idc_slides.exports.picture import picture
from idc_slides.findings.decided import DecidedCells

DECISIONS: Final = {
    Decision.IDC: "IDC suspected",
    Decision.UNCERTAIN: "uncertain: a pathologist must look",
    Decision.NO_IDC: "no IDC found",
}


def summary(slide: Slide, decided: DecidedCells, minimum_idc_mm2: float) -> str:
    """The page as HTML, with the map in it.

    Args:
        slide: The record of a slide that is done.
        decided: Its cells.
        minimum_idc_mm2: The site's minimum.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["area"] = _area
    template = environment.from_string(files("idc_slides.exports").joinpath("summary.html").read_text("utf-8"))
    return template.render(
        slide=slide,
        decision=DECISIONS[slide.decision] if slide.decision else "",
        minimum_idc_mm2=minimum_idc_mm2,
        map=base64.b64encode(picture(decided)).decode(),
    )


def _area(area: SlideArea | None) -> str:
    if area is None:
        return "not known"
    if area.low_mm2 is None or area.high_mm2 is None:
        return f"{area.mm2:.2f} mm²"
    return f"{area.mm2:.2f} mm² (95 %: {area.low_mm2:.2f} to {area.high_mm2:.2f})"
