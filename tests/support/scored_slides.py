"""Made-up slides whose patches lie side by side, with a round tumour, as the trainer scores them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from idc_trainer.data.index import PatchIndex
from idc_trainer.data.source import PatchFile
from idc_trainer.evaluation.scored_patches import ScoredPatches, score_patches
from idc_trainer.learning.held_out import HeldOutScores
from support.made_slides import SCORES, THRESHOLDS
from support.memory_patches import MemoryPatches

SIDE = 20
"""Cells on each side of a slide."""


def tumour(side: int = SIDE) -> NDArray[np.bool_]:
    """A disc in the middle: True for IDC, shape (side, side)."""
    down, right = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(down**2 + right**2 < (side / 3.5) ** 2)


def slides_index(slides: Mapping[str, NDArray[np.bool_]], step_px: int = 50) -> PatchIndex:
    """An index without images: the patches of each slide, given its truth, at an offset of (13, 1) px."""
    files = [
        PatchFile(f"{name}/{label}/{name}_idx5_x{13 + x * step_px}_y{1 + y * step_px}_class{label}.png", name, label)
        for name, truth in slides.items()
        for (y, x), label in np.ndenumerate(truth.astype(int))
    ]
    return PatchIndex(
        source=MemoryPatches(dict.fromkeys(files, b"")),
        files=tuple(files),
        labels=np.array([file.label == 1 for file in files]),
        patients=np.array([file.patient for file in files]),
        names=np.array([file.name for file in files]),
        digests=np.array([file.name for file in files], "S64"),
        sizes_px=np.full((len(files), 2), 50, np.int32),
    )


def scored_slides(shifts: Mapping[str, float], seed: int = 0) -> ScoredPatches:
    """Slides of 20 x 20 patches with a tumour, each shifted as a whole; single patches are scored noisily."""
    index = slides_index(dict.fromkeys(shifts, tumour()))
    return score_patches(index, _probability(index, shifts, seed).astype(np.float32), THRESHOLDS)


def held_out_slides(index: PatchIndex, shifts: Mapping[str, float], seed: int = 0) -> HeldOutScores:
    """The scores of an index by a network that never saw its patients."""
    count = len(index)
    return HeldOutScores(index, _probability(index, shifts, seed), np.zeros(count), np.zeros((count, 4)))


def _probability(index: PatchIndex, shifts: Mapping[str, float], seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    means = np.where(index.labels, SCORES.idc_mean, SCORES.no_idc_mean)
    logits = rng.normal(means + np.array([shifts[patient] for patient in index.patients.tolist()]), 1.5)
    return np.asarray(1 / (1 + np.exp(-logits)))
