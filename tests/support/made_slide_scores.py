"""Made-up slides: mean logits by the distributions that a model tells of, with the truth."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_contracts.slide_scores import SlideScores

SCORES: Final = SlideScores(
    window=3,
    idc_mean=2.2,
    idc_deviation=0.8,
    no_idc_mean=-0.8,
    no_idc_deviation=1.1,
    shift_deviation=0.7,
    patients=12,
)
THRESHOLDS: Final = Thresholds(no_idc_below=0.3, idc_from=0.7)


def made_slide(
    cells: int, prevalence: float, shift: float = 0.0, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean logits and truth of so many cells, in any order, shape (cells,) each."""
    rng = np.random.default_rng(seed)
    is_idc = np.arange(cells) < round(prevalence * cells)
    means = np.where(is_idc, SCORES.idc_mean, SCORES.no_idc_mean) + shift
    logits = rng.normal(means, np.where(is_idc, SCORES.idc_deviation, SCORES.no_idc_deviation))
    return logits.astype(np.float32), is_idc
