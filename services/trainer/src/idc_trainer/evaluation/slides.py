"""How well whole slides are decided: by the patch alone, by the neighbourhood, and by a cut fitted to the slide."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from idc_contracts import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_slidescores import (
    NONE_REVIEWED,
    FittedCut,
    Reviewed,
    cell_scores,
    fit_cut,
    idc_area,
    logits_of,
    next_reviews,
    spread_verdicts,
)
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.slide_layout import SlideLayout, dense_slides

REVIEWS: Final = 20
_DECIMALS: Final = 4


class Method(StrEnum):
    """How the patches of a slide are decided."""

    PATCH = "patch"
    """By its own P(IDC), cut at 0.5."""
    NEIGHBOURHOOD = "neighbourhood"
    """By the score of the neighbourhood, cut at 0."""
    FITTED = "fitted"
    """By the same, at a cut that is fitted to the slide's own scores."""
    REVIEWED = "reviewed"
    """By the same, after the truth of 20 cells that were asked for, which moves the cut and the scores around them."""


class SlideMeasures(BaseModel):
    """All patches of a slide decided by one cut, none left out; or the mean of slides."""

    model_config = ConfigDict(frozen=True)

    auc: float
    balanced_accuracy: float
    f1: float


class FittedSlide(BaseModel):
    """A cut that was fitted to a slide."""

    model_config = ConfigDict(frozen=True)

    moved_by: float
    deviation: float | None = Field(description="Of the shift; null where no cut was fitted.")
    uncertain: float = Field(description="Share of patches within the interval of the cut.")
    decided_wrong: float = Field(description="Share of wrong decisions among all others.")
    idc_patches: float = Field(description="Estimated number of IDC patches.")
    low_patches: float | None = Field(description="The estimate's 95 % interval; null where no cut was fitted.")
    high_patches: float | None


class SlideFigures(BaseModel):
    """One slide with both classes."""

    model_config = ConfigDict(frozen=True)

    patches: int
    positives: int
    measures: dict[Method, SlideMeasures]
    cuts: dict[Method, FittedSlide] = Field(description="Of the two methods that fit one.")


class SlidesEvaluation(BaseModel):
    """All slides whose patches lie side by side and that have both classes."""

    model_config = ConfigDict(frozen=True)

    reviews: int = Field(description="Simulated reviews of the method `reviewed`.")
    mean: dict[Method, SlideMeasures] = Field(description="Each slide once.")
    worst: dict[Method, str] = Field(description="The patient with the least balanced accuracy.")
    slides: dict[str, SlideFigures] = Field(description="By patient.")


def evaluate_slides(
    scored: ScoredPatches, slide_scores: Mapping[str, SlideScores | None], seed: int
) -> SlidesEvaluation | None:
    """Decide each slide in the four ways; None if no slide has neighbouring patches of both classes.

    Args:
        scored: The patches.
        slide_scores: Of the model that scored each patient.
        seed: Of the cells that are asked for at random.
    """
    logits = logits_of(scored.probability)
    slides = {
        patient: _figures(Slide.of(scored, logits, layout, slide_scores[patient]), seed)
        for patient, layout in dense_slides(scored.patients, scored.x_px, scored.y_px).items()
        if 0 < scored.labels[layout.patches].sum() < len(layout.patches)
    }
    if not slides:
        return None
    by_method = {method: {patient: slide.measures[method] for patient, slide in slides.items()} for method in Method}
    return SlidesEvaluation(
        reviews=REVIEWS,
        mean={method: _mean(list(found.values())) for method, found in by_method.items()},
        worst={
            method: min(found, key=lambda patient: found[patient].balanced_accuracy)
            for method, found in by_method.items()
        },
        slides=slides,
    )


@dataclass(frozen=True)
class Slide:
    """A slide with its truth."""

    truth: NDArray[np.bool_]
    """Shape (N,)."""
    alone: NDArray[np.float32]
    """The patches' own logits, shape (N,)."""
    means: NDArray[np.float32]
    """The scores of the neighbourhoods, shape (N,)."""
    layout: SlideLayout
    scores: SlideScores | None
    thresholds: Thresholds

    @classmethod
    def of(
        cls, scored: ScoredPatches, logits: NDArray[np.float32], layout: SlideLayout, scores: SlideScores | None
    ) -> "Slide":
        """One of the slides of all patches, given the logits of all."""
        first = int(layout.patches[0])  # all patches of a patient have the thresholds of one model
        low, high = float(scored.no_idc_below[first]), float(scored.idc_from[first])
        return cls(
            scored.labels[layout.patches],
            logits[layout.patches],
            layout.of(cell_scores(layout.grid(logits[layout.patches]), scores)),
            layout,
            scores,
            Thresholds(no_idc_below=low, idc_from=high),
        )

    def fit(self, reviewed: Reviewed = NONE_REVIEWED) -> FittedCut:
        """The cut that fits it."""
        return fit_cut(self.means, self.scores, self.thresholds, reviewed)

    def review(self, count: int, seed: int) -> tuple[FittedCut, NDArray[np.float32]]:
        """The cut and the scores, shape (N,), after so many reviews; each asks for the cell that those before chose."""
        means, truth = self.layout.grid(self.means), self.layout.grid(self.truth)
        cut, moved, asked = self.fit(), means, list[tuple[int, int]]()
        for _ in range(min(count, len(self.truth))):
            (cell,) = next_reviews(moved, cut, asked, 1, seed)
            asked.append((cell.column, cell.row))
            column, row = np.array(asked).T
            verdicts = truth[row, column] > 0
            cut = self.fit(Reviewed(means[row, column], verdicts))
            moved = spread_verdicts(means, cut, self.scores, row, column, verdicts)
        return cut, self.layout.of(moved)


def _figures(slide: Slide, seed: int) -> SlideFigures:
    cuts = {Method.FITTED: (slide.fit(), slide.means), Method.REVIEWED: slide.review(REVIEWS, seed)}
    measures = {
        Method.PATCH: _measured(slide.truth, slide.alone, 0.0),
        Method.NEIGHBOURHOOD: _measured(slide.truth, slide.means, 0.0),
        **{method: _measured(slide.truth, scores, cut.logit) for method, (cut, scores) in cuts.items()},
    }
    return SlideFigures(
        patches=len(slide.truth),
        positives=int(slide.truth.sum()),
        measures=measures,
        cuts={method: _described(slide.truth, scores, cut) for method, (cut, scores) in cuts.items()},
    )


def _measured(truth: NDArray[np.bool_], scores: NDArray[np.float32], cut: float) -> SlideMeasures:
    called = scores >= cut
    return SlideMeasures(
        auc=round(float(roc_auc_score(truth, scores)), _DECIMALS),
        balanced_accuracy=round(float(balanced_accuracy_score(truth, called)), _DECIMALS),
        f1=round(float(f1_score(truth, called)), _DECIMALS),
    )


def _described(truth: NDArray[np.bool_], scores: NDArray[np.float32], cut: FittedCut) -> FittedSlide:
    open_cells = (scores >= cut.low) & (scores < cut.high)
    wrong = ((scores >= cut.logit) != truth)[~open_cells]
    area = idc_area(scores, cut, cell_mm2=1.0)
    return FittedSlide(
        moved_by=round(cut.slide_cut.moved_by, _DECIMALS),
        deviation=None if cut.slide_cut.deviation is None else round(cut.slide_cut.deviation, _DECIMALS),
        uncertain=round(float(open_cells.mean()), _DECIMALS),
        decided_wrong=round(float(wrong.mean()), _DECIMALS) if len(wrong) else 0.0,
        idc_patches=round(area.mm2, 1),
        low_patches=None if area.low_mm2 is None else round(area.low_mm2, 1),
        high_patches=None if area.high_mm2 is None else round(area.high_mm2, 1),
    )


def _mean(found: list[SlideMeasures]) -> SlideMeasures:
    return SlideMeasures(
        **{
            name: round(float(np.mean([getattr(one, name) for one in found])), _DECIMALS)
            for name in SlideMeasures.model_fields
        }
    )
