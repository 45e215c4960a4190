"""Learns how the scores of a slide's cells are distributed, from patients that the scoring network never saw."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.slide_scores import SlideScores
from idc_slidescores import logits_of, neighbourhood_mean
from idc_trainer.evaluation.scored_patches import positions_px
from idc_trainer.evaluation.slide_layout import SlideLayout, dense_slides
from idc_trainer.learning.held_out import HeldOutScores

WINDOW: Final = 13
FLOOR: Final = -1.5
CELLS_AS_ONE: Final = 170
VERDICT_DEVIATION: Final = 0.7
"""All were chosen by cross-validation, see docs/explanation/slides-cut.md."""
LEAST_SLIDES: Final = 4
"""With fewer slides their distributions are not known well enough."""
_LEAST_PATCHES: Final = 10
"""A patient counts if it has so many patches of each class."""
_LEAST_DEVIATION: Final = 0.05

Values = NDArray[np.float64]


def learn_slide_scores(held_out: HeldOutScores) -> SlideScores | None:
    """Each patient counts once, whatever the number of its patches.

    Means and deviations are those of the cells' scores on slides whose patches lie side by side. How far whole
    slides are shifted is told by all patients with both classes: it needs no neighbours, and more patients.

    Returns:
        None if fewer than `LEAST_SLIDES` slides have neighbouring patches of both classes, or if the scores of IDC are
        no higher than the others.
    """
    labels, logits = held_out.index.labels, logits_of(held_out.probability)
    patients = held_out.index.patients
    slides = dense_slides(patients, *positions_px(held_out.index)).values()
    dense = _moments([(labels[slide.patches], _scores(slide, logits)) for slide in slides])
    rows = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    shifted = _shift_deviation(_moments([(labels[own], logits[own]) for own in rows]))
    if len(dense) < LEAST_SLIDES:
        return None
    idc_mean, rest_mean, idc_variance, rest_variance = dense.mean(axis=0)[:4].tolist()
    if idc_mean <= rest_mean:
        return None
    return SlideScores(
        window=WINDOW,
        mean="evidence",
        floor=FLOOR,
        cells_as_one=CELLS_AS_ONE,
        verdict_deviation=VERDICT_DEVIATION,
        idc_mean=round(idc_mean, 4),
        idc_deviation=round(max(idc_variance**0.5, _LEAST_DEVIATION), 4),
        no_idc_mean=round(rest_mean, 4),
        no_idc_deviation=round(max(rest_variance**0.5, _LEAST_DEVIATION), 4),
        shift_deviation=round(max(shifted, _LEAST_DEVIATION), 4),
        patients=len(dense),
    )


def _scores(slide: SlideLayout, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    scores = neighbourhood_mean(slide.grid(logits[slide.patches]), WINDOW, "evidence")
    return np.maximum(slide.of(scores), FLOOR)


def _moments(parts: list[tuple[NDArray[np.bool_], NDArray[np.float32]]]) -> Values:
    """Of each patient with enough of both classes: means of IDC and the rest, variances, and numbers, shape (P, 6)."""
    moments = []
    for labels, scores in parts:
        classes = scores[labels].astype(np.float64), scores[~labels].astype(np.float64)
        if min(map(len, classes)) >= _LEAST_PATCHES:
            moments.append([*(own.mean() for own in classes), *(own.var() for own in classes), *map(len, classes)])
    return np.array(moments, np.float64).reshape(-1, 6)


def _shift_deviation(moments: Values) -> float:
    """The standard deviation of the patients' shifts, without what the few patches of a patient add by chance."""
    means, variances, numbers = moments[:, :2], moments[:, 2:4], moments[:, 4:]
    if len(means) < 2:
        return 0.0
    shifts = means.mean(axis=1)
    by_chance = float((variances / numbers).sum(axis=1).mean() / 4)
    return float(max(shifts.var(ddof=1) - by_chance, 0.0) ** 0.5)
