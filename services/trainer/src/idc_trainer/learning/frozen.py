"""Batches of cached features, for heads on a frozen backbone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.artefacts.kinds import any_artefact
from idc_trainer.data.index import PatchIndex
from idc_trainer.features.store import FeatureStore
from idc_trainer.learning.batches import Batch, StepDraws, joined

ARTEFACTS: Final = 4096
"""So many are made, once, for all networks."""
_MOMENTS_OF: Final = 8192
"""Patches from which mean and variance of the features are taken."""


def artefacts_of(index: PatchIndex, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Artefacts made from an index: RGB, uint8, shape (4096, 50, 50, 3), and their qualities, int32, shape (4096,)."""
    rng = np.random.default_rng([seed, ARTEFACTS])
    rows = rng.integers(0, len(index), ARTEFACTS)
    artefacts = [any_artefact(index.decode(int(row)), rng) for row in rows]
    return np.stack([patch for patch, _ in artefacts]), np.array([int(quality) for _, quality in artefacts], np.int32)


@dataclass(frozen=True)
class FeatureBatches(StepDraws):
    """Makes batches of cached features."""

    stores: tuple[FeatureStore, ...]
    """One for each variant of the patches."""
    artefacts: NDArray[np.float32]
    """Features of artefacts, shape (M, F)."""
    qualities: NDArray[np.int32]
    """Shape (M,)."""

    def make(self, step: int) -> Batch:
        """The batch of a step."""
        schedule, (rows, rng) = self.recipe.schedule, self.at(step)
        store = self.stores[int(rng.integers(len(self.stores)))]
        chosen = rng.integers(0, len(self.artefacts), schedule.artefacts)
        features = np.concatenate([store.read(self.index.digests[rows]), self.artefacts[chosen]])
        return joined(list(features), self.index.labels[rows], self.qualities[chosen].tolist())

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of the unchanged patches' features, shape (F,) each."""
        rng = np.random.default_rng([self.recipe.seed, self.stream])
        rows = np.sort(rng.permutation(len(self.index))[:_MOMENTS_OF])
        features = self.stores[0].read(self.index.digests[rows]).astype(np.float64)
        return features.mean(0), features.var(0)
