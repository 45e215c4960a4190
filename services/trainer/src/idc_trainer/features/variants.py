"""The variants of a patch whose features are computed: unchanged, or augmented at random."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from idc_trainer.augmentation.augment import Augmentation, augment


@dataclass(frozen=True)
class Plain:
    """The patch unchanged."""

    key: str = "plain"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:  # noqa: ARG002, as in Augmented
        return patch


@dataclass(frozen=True)
class Augmented:
    """A copy that is augmented at random."""

    seed: int
    number: int
    """The number of the copy."""
    augmentation: Augmentation

    @property
    def key(self) -> str:
        """Names the variant in the cache; other settings give another key."""
        settings = "-".join(f"{value:g}" for value in astuple(self.augmentation))
        return f"augmented-{self.seed}-{self.number}-{settings}"

    def apply(self, patch: NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        """The changed patch, RGB, uint8, the same shape.

        Args:
            patch: RGB, uint8, shape (side, side, 3).
            digest: SHA-256 of its file, hexadecimal; the same patch is always changed in the same way.
        """
        rng = np.random.default_rng([self.seed, self.number, int(digest[:16], 16)])
        return augment(patch, self.augmentation, rng)


Variant = Plain | Augmented


def variants(augmentation: Augmentation, copies: int, seed: int) -> tuple[Variant, ...]:
    """The unchanged patch and some augmented copies."""
    return (Plain(), *(Augmented(seed, number + 1, augmentation) for number in range(copies)))
