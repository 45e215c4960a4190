"""What a member says of patients that it never saw: calibration, familiarity and thresholds are chosen on it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.artefacts.kinds import Quality
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.data.index import PatchIndex
from idc_trainer.features.store import FeatureStore
from idc_trainer.learning.calibration import calibrated, fit_calibration
from idc_trainer.learning.ensemble import Member
from idc_trainer.learning.familiarity import few_of_each, fit_familiarity, quantile, scaled
from idc_trainer.learning.heads import Heads
from idc_trainer.splits.parts import FittingPart

_CHUNK: Final = 65_536
"""Patches whose features are in memory at a time."""


@dataclass(frozen=True)
class HeldOutScores:
    """Scores of N patches of patients that the scoring network was not trained on."""

    index: PatchIndex
    probability: NDArray[np.float64]
    """Calibrated P(IDC), shape (N,)."""
    distance: NDArray[np.float64]
    """From what was learnt, in units of its quantile, shape (N,)."""
    qualities: NDArray[np.float64]
    """The share of each `Quality`, shape (N, 4)."""

    @property
    def outputs(self) -> dict[str, NDArray[np.float64]]:
        """The scores by the names of the graph's outputs, shape (N,) each."""
        shares = {quality.name.lower(): self.qualities[:, quality] for quality in Quality if quality != Quality.PATCH}
        return {"probability": self.probability, "distance": self.distance, **shares}


def complete_member(
    backbone: BuiltBackbone, heads: Heads, part: FittingPart, store: FeatureStore, seed: int
) -> tuple[Member, HeldOutScores]:
    """Calibrate a trained network, and measure what is familiar to it.

    Args:
        backbone: The network.
        heads: Its heads.
        part: Its training patients and those held out.
        store: The features of all of `part.held_out` and of `few_of_each` of `part.train`.
        seed: Of the choice of a few patches of each training patient.

    Raises:
        CalibrationFailed: The scores of the held-out patients do not increase with P(IDC).
    """
    held_out = part.held_out
    learnt = fit_familiarity(store.read(part.train.digests[few_of_each(part.train.patients, seed)]))
    logits, qualities, distances = [], [], []
    for start in range(0, len(held_out), _CHUNK):
        features = store.read(held_out.digests[start : start + _CHUNK])
        logits.append(heads.logits(features))
        qualities.append(heads.qualities(features))
        distances.append(learnt.distances(features))
    scores, distance = np.concatenate(logits), np.concatenate(distances)
    calibration = fit_calibration(scores, held_out.labels, held_out.patients)
    limit = quantile(distance, held_out.patients)
    member = Member(backbone, heads, calibration, scaled(learnt, limit))
    probability = calibrated(calibration, scores)
    return member, HeldOutScores(held_out, probability, distance / limit, np.concatenate(qualities))


def join_held_out(everything: PatchIndex, parts: list[HeldOutScores]) -> HeldOutScores:
    """The scores of all members' held-out patients; `everything` is an index of all their patches."""
    rows = np.concatenate([np.flatnonzero(np.isin(everything.patients, np.unique(p.index.patients))) for p in parts])
    return HeldOutScores(
        everything.rows(rows),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("probability", "distance", "qualities")),
    )
