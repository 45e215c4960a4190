"""The ways in which a patch is seen while features are computed: as it is, or turned and stained by chance."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idc_trainer.features.augmentation import jitter_stain, turn


class Variant(Protocol):
    """One way to see a patch."""

    @property
    def key(self) -> str:
        """Names the variant in a cache; other settings give another key."""

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        """The patch as this variant shows it: RGB, uint8, the same shape.

        Args:
            patch: RGB, uint8, shape (side, side, 3).
            digest: SHA-256 of its file, hexadecimal: the same patch is always shown in the same way.
        """


@dataclass(frozen=True)
class Plain:
    """The patch as it is."""

    key: str = "plain"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        """See `Variant`; the digest decides nothing here."""
        del digest
        return patch


@dataclass(frozen=True)
class Jittered:
    """The patch turned, mirrored and with jittered stain (Tellez et al. 2018)."""

    seed: int
    number: int
    """Tells the passes over the same patches apart."""
    strength: float
    shift: float

    @property
    def key(self) -> str:
        """See `Variant`."""
        return f"jittered-{self.seed}-{self.number}-{self.strength:g}-{self.shift:g}"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        """See `Variant`."""
        rng = np.random.default_rng([self.seed, self.number, int(digest[:16], 16)])
        return jitter_stain(turn(patch, rng), self.strength, rng, self.shift)
