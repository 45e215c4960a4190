"""All kinds of artefacts: what makes them, how often, and as what they are to be flagged."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from idc_trainer.artefacts import little_tissue, out_of_focus, unfamiliar
from idc_trainer.artefacts.textures import Patch
from idc_trainer.augmentation.geometry import rotate
from idc_trainer.augmentation.quality import compress

_COMPRESSED_SHARE: Final = 0.2


class Quality(IntEnum):
    """The classes of the network's second output."""

    PATCH = 0
    """A patch of H&E tissue in focus."""
    LITTLE_TISSUE = 1
    UNFAMILIAR = 2
    OUT_OF_FOCUS = 3


@dataclass(frozen=True)
class Kind:
    """One kind of artefact."""

    name: str
    quality: Quality
    frequency: float
    """Relative to the other kinds."""
    make: Callable[[Patch, np.random.Generator], Patch]
    """Makes one, from a patch or without."""


def _unaided(make: Callable[[np.random.Generator], Patch]) -> Callable[[Patch, np.random.Generator], Patch]:
    return lambda _patch, rng: make(rng)


KINDS: Final = (
    Kind("glass", Quality.LITTLE_TISSUE, 1.6, _unaided(little_tissue.glass)),
    Kind("flat", Quality.LITTLE_TISSUE, 1.5, _unaided(little_tissue.flat)),
    Kind("padded", Quality.LITTLE_TISSUE, 1.5, little_tissue.padded),
    Kind("pen", Quality.UNFAMILIAR, 1.5, unfamiliar.pen),
    Kind("fold", Quality.UNFAMILIAR, 0.8, unfamiliar.fold),
    Kind("noise", Quality.UNFAMILIAR, 0.7, _unaided(unfamiliar.noise)),
    Kind("drawing", Quality.UNFAMILIAR, 0.8, _unaided(unfamiliar.drawing)),
    Kind("grey", Quality.UNFAMILIAR, 0.7, unfamiliar.grey),
    Kind("other stain", Quality.UNFAMILIAR, 2.0, unfamiliar.other_stain),
    Kind("magnified", Quality.UNFAMILIAR, 1.0, unfamiliar.magnified),
    Kind("shrunk", Quality.UNFAMILIAR, 1.0, unfamiliar.shrunk),
    Kind("blurred", Quality.OUT_OF_FOCUS, 2.2, out_of_focus.blurred),
)
_SHARES: Final = np.array([kind.frequency for kind in KINDS]) / sum(kind.frequency for kind in KINDS)


def any_artefact(patch: Patch, rng: np.random.Generator) -> tuple[Patch, Quality]:
    """Make an artefact of a random kind from a patch; a fifth of all is compressed as JPEG or WebP."""
    kind = KINDS[int(rng.choice(len(KINDS), p=_SHARES))]
    artefact = rotate(kind.make(patch, rng), rng)
    return (compress(artefact, rng) if rng.random() < _COMPRESSED_SHARE else artefact), kind.quality
