"""The features of an index as one table, read from the stores on demand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_trainer.features.store import Digests, FeatureStore


@dataclass(frozen=True)
class FeatureTable:
    """Rows of features: all patches of the first store, then all of the second, and so on; a `head.FeatureRows`."""

    stores: tuple[FeatureStore, ...]
    digests: Digests
    """The patches, shape (N,)."""
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, features."""
        return len(self.stores) * len(self.digests), self.width

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        """The rows of a slice, float32, shape (rows, features)."""
        start, stop, _ = rows.indices(self.shape[0])
        parts = []
        for number, store in enumerate(self.stores):
            first = number * len(self.digests)
            low, high = max(start - first, 0), min(stop - first, len(self.digests))
            if low < high:
                parts.append(store.read(self.digests[low:high]))
        return np.concatenate(parts) if parts else np.empty((0, self.width), np.float32)
