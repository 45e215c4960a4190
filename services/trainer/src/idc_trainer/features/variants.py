"""The variants of a patch whose features are computed: unchanged, or augmented at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_trainer.features.augmentation import jitter_stain, rotate


@dataclass(frozen=True)
class Plain:
    """The patch unchanged."""

    key: str = "plain"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:  # noqa: ARG002, as in Jittered
        return patch


@dataclass(frozen=True)
class Jittered:
    """Random rotation, mirroring and stain jitter (Tellez et al. 2018)."""

    seed: int
    number: int
    """The number of the copy."""
    strength: float
    """See `augmentation.jitter_stain`."""
    shift: float
    """See `augmentation.jitter_stain`."""

    @property
    def key(self) -> str:
        """Names the variant in the cache; other settings give another key."""
        return f"jittered-{self.seed}-{self.number}-{self.strength:g}-{self.shift:g}"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        """The changed patch, RGB, uint8, the same shape.

        Args:
            patch: RGB, uint8, shape (side, side, 3).
            digest: SHA-256 of its file, hexadecimal; the same patch is always changed in the same way.
        """
        rng = np.random.default_rng([self.seed, self.number, int(digest[:16], 16)])
        return jitter_stain(rotate(patch, rng), self.strength, rng, self.shift)


Variant = Plain | Jittered
