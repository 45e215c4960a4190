"""Scores of a compiled model on patches whose class is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Check, Reason, Thresholds
from idc_trainer.data.index import PatchIndex

REASONS: Final = tuple(reason for reason in Reason if reason is not Reason.BETWEEN_THRESHOLDS)
"""Each makes a patch `uncertain`, whatever P(IDC) is."""


@dataclass(frozen=True)
class ScoredPatches:
    """Patches with truth, P(IDC) and thresholds; all arrays have shape (N,)."""

    probability: NDArray[np.float32]
    """Calibrated P(IDC)."""
    no_idc_below: NDArray[np.float32]
    """Below it a patch is `no_idc`; in a cross-validation each fold has its own thresholds."""
    idc_from: NDArray[np.float32]
    """At or above it a patch is `idc`; between the two it is `uncertain`."""
    labels: NDArray[np.bool_]
    """True for IDC."""
    patients: NDArray[np.str_]
    names: NDArray[np.str_]
    """File names."""
    x_px: NDArray[np.int32]
    """The position of the patch in its slide, -1 if unknown."""
    y_px: NDArray[np.int32]
    reasons: NDArray[np.bool_] | None = None
    """Which of `REASONS` a patch has, shape (N, 3); None for a model without checks."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def called_idc(self) -> NDArray[np.bool_]:
        return (self.probability >= self.idc_from) & ~self.has_reason

    @property
    def called_no_idc(self) -> NDArray[np.bool_]:
        return (self.probability < self.no_idc_below) & ~self.has_reason

    @property
    def has_reason(self) -> NDArray[np.bool_]:
        """Whether a patch has one of `REASONS`."""
        if self.reasons is None:
            return np.zeros(len(self), np.bool_)
        return np.asarray(self.reasons.any(axis=1))

    @property
    def uncertain_because(self) -> dict[str, NDArray[np.bool_]]:
        """The uncertain patches by reason, each a mask of shape (N,); a patch may have several reasons."""
        between = (self.probability >= self.no_idc_below) & (self.probability < self.idc_from)
        by_reason = () if self.reasons is None else zip(REASONS, self.reasons.T, strict=True)
        return {"between_thresholds": between, **dict(by_reason)}

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "ScoredPatches":
        """The patches of a mask or of row numbers."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen_columns: dict[str, Any] = {
            name: None if column is None else column[chosen] for name, column in columns.items()
        }
        return ScoredPatches(**chosen_columns)

    def of(self, patient: str) -> "ScoredPatches":
        return self.rows(self.patients == patient)


def score_patches(
    index: PatchIndex,
    probability: NDArray[np.float32],
    thresholds: Thresholds,
    reasons: NDArray[np.bool_] | None = None,
) -> ScoredPatches:
    """Join patches with a model's P(IDC), float32, shape (N,), its thresholds and, of shape (N, 3), its `REASONS`."""
    x_px, y_px = positions_px(index)
    return ScoredPatches(
        probability=probability,
        no_idc_below=np.full(len(index), thresholds.no_idc_below, np.float32),
        idc_from=np.full(len(index), thresholds.idc_from, np.float32),
        labels=index.labels,
        patients=index.patients,
        names=index.names,
        x_px=x_px,
        y_px=y_px,
        reasons=reasons,
    )


def positions_px(index: PatchIndex) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The x and y of each patch in its slide by its name, shape (N,) each; -1 if the name gives none."""
    named = [file.place for file in index.files]
    x_px, y_px = np.array([(at.x_px, at.y_px) if at else (-1, -1) for at in named], np.int32).reshape(-1, 2).T
    return x_px, y_px


def reasons_of(outputs: Mapping[str, NDArray[np.floating]], checks: Sequence[Check]) -> NDArray[np.bool_] | None:
    """Which of `REASONS` each patch has, shape (N, 3), by a graph's outputs, shape (N,) each; None without checks."""
    if not checks:
        return None
    found = np.zeros((len(outputs["probability"]), len(REASONS)), np.bool_)
    for check in checks:
        found[:, REASONS.index(check.reason)] |= outputs[check.output] >= check.from_value
    return found


def join_scored(parts: list[ScoredPatches]) -> ScoredPatches:
    """All patches of some parts, either all of models with checks or all of models without."""
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(parts[0])}
    found: dict[str, Any] = {
        name: None if column[0] is None else np.concatenate(column) for name, column in columns.items()
    }
    return ScoredPatches(**found)
