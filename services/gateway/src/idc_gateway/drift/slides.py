"""The latest whole slides beside the training's patients: each slide counts as one patient.

P(IDC) and unfamiliar patches alone: neither stain nor sharpness of a slide's patches is stored, and its share of
uncertain ones has another check in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final

from idc_contracts.slides import LatestSlides, SlideMeasures
from idc_contracts.training_reference import PatchMeasure, TrainingReference
from idc_gateway.drift.comparison import MeasuredPatches, compare_means

_OF_SLIDES: Final[Mapping[PatchMeasure, Callable[[SlideMeasures], float]]] = {
    PatchMeasure.PROBABILITY: lambda slide: slide.probability,
    PatchMeasure.UNFAMILIAR: lambda slide: slide.unfamiliar,
}


@dataclass(frozen=True)
class ComparedSlides:
    """The latest slides that one model scored."""

    slides: int
    patches: int
    other_models: int
    """Of the slides that were asked for, those that another model scored: they are not compared."""
    oldest_at: datetime | None
    newest_at: datetime | None
    measures: dict[PatchMeasure, MeasuredPatches]
    probability_shares: tuple[float, ...] | None
    """In bins of equal width, each slide with equal weight; None without slides."""


def compare_slides(latest: LatestSlides, reference: TrainingReference | None) -> ComparedSlides:
    """Compare slides with the training, both measures together."""
    slides = latest.items
    references = {} if reference is None else reference.measures
    ends = [slide.finished_at for slide in slides if slide.finished_at is not None]
    return ComparedSlides(
        slides=len(slides),
        patches=sum(slide.patches for slide in slides),
        other_models=latest.other_models,
        oldest_at=min(ends, default=None),
        newest_at=max(ends, default=None),
        measures={
            measure: compare_means(
                [(value_of(slide), slide.patches) for slide in slides], references.get(measure), len(_OF_SLIDES)
            )
            for measure, value_of in _OF_SLIDES.items()
        },
        probability_shares=_shares(slides),
    )


def _shares(slides: tuple[SlideMeasures, ...]) -> tuple[float, ...] | None:
    if not slides:
        return None
    return tuple(fmean(column) for column in zip(*(slide.probability_shares for slide in slides), strict=True))
