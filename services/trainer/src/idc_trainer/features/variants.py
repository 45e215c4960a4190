"""The variants of a patch whose features are computed: unchanged, or augmented at random."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idc_trainer.features.augmentation import jitter_stain, turn


class Variant(Protocol):
    """One way to change a patch."""

    @property
    def key(self) -> str:
        """Names the variant in the cache; other settings give another key."""

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        """The changed patch, RGB, uint8, the same shape.

        Args:
            patch: RGB, uint8, shape (side, side, 3).
            digest: SHA-256 of its file, hexadecimal; the same patch is always changed in the same way.
        """


@dataclass(frozen=True)
class Plain:
    """The patch unchanged."""

    key: str = "plain"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:  # noqa: ARG002, the digest of Variant
        return patch


@dataclass(frozen=True)
class Jittered:
    """Random rotation, mirroring and stain jitter (Tellez et al. 2018)."""

    seed: int
    number: int
    """The number of the copy."""
    strength: float
    shift: float

    @property
    def key(self) -> str:
        return f"jittered-{self.seed}-{self.number}-{self.strength:g}-{self.shift:g}"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        rng = np.random.default_rng([self.seed, self.number, int(digest[:16], 16)])
        return jitter_stain(turn(patch, rng), self.strength, rng, self.shift)
