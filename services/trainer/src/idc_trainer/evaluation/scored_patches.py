"""What a compiled model says of patches whose class is known."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_trainer.data.index import PatchIndex


@dataclass(frozen=True)
class ScoredPatches:
    """Patches with truth, P(IDC) and the cuts that decide them; all arrays have shape (N,)."""

    probability: NDArray[np.float32]
    """Calibrated P(IDC)."""
    no_idc_below: NDArray[np.float32]
    """Below it a patch is `no_idc`; in a cross-validation each fold has a cut of its own."""
    idc_from: NDArray[np.float32]
    """From it on a patch is `idc`; between the two it is `uncertain`."""
    labels: NDArray[np.bool_]
    """True for IDC."""
    patients: NDArray[np.str_]
    names: NDArray[np.str_]
    """File names."""
    x_px: NDArray[np.int32]
    """Where the patch lies in its slide, -1 where that is unknown."""
    y_px: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def called_idc(self) -> NDArray[np.bool_]:
        """Which patches are `idc`."""
        return self.probability >= self.idc_from

    @property
    def called_no_idc(self) -> NDArray[np.bool_]:
        """Which patches are `no_idc`."""
        return self.probability < self.no_idc_below

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "ScoredPatches":
        """Some of the patches, by a mask or by row numbers."""
        return ScoredPatches(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def of(self, patient: str) -> "ScoredPatches":
        """The patches of one patient."""
        return self.rows(self.patients == patient)


def score_patches(index: PatchIndex, probability: NDArray[np.float32], thresholds: Thresholds) -> ScoredPatches:
    """Put together what is known of patches and what a model says of them.

    Args:
        index: The patches.
        probability: P(IDC) of each, shape (N,).
        thresholds: The cuts that decide all of them.
    """
    places = [(-1 if f.x_px is None else f.x_px, -1 if f.y_px is None else f.y_px) for f in index.files]
    x_px, y_px = np.array(places, np.int32).reshape(-1, 2).T
    return ScoredPatches(
        probability=probability,
        no_idc_below=np.full(len(index), thresholds.no_idc_below, np.float32),
        idc_from=np.full(len(index), thresholds.idc_from, np.float32),
        labels=index.labels,
        patients=index.patients,
        names=index.names,
        x_px=x_px,
        y_px=y_px,
    )


def join_scored(parts: list[ScoredPatches]) -> ScoredPatches:
    """All patches of several parts, one part after the other."""
    names = [field.name for field in fields(ScoredPatches)]
    return ScoredPatches(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
