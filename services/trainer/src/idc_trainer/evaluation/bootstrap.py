"""Metrics with 95 % bootstrap intervals: per patient over its patches, pooled over patients (Efron 1979)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_contracts.bundle import Estimate
from idc_trainer.errors import DataUnreadable
from idc_trainer.evaluation.measures import MEASURES, Measurer
from idc_trainer.evaluation.scored_patches import ScoredPatches

RESAMPLES: Final = 1000
_INTERVAL: Final = (0.025, 0.975)
_DECIMALS: Final = 4
_CROSS_VALIDATION: Final = "idc-trainer crossval"

Values = NDArray[np.float64]


class Figures(BaseModel):
    """Metrics of some patches; None where a class that a metric needs is missing."""

    model_config = ConfigDict(frozen=True)

    patches: int
    positives: int
    auc: Estimate | None
    auprc: Estimate | None
    balanced_accuracy: Estimate | None
    f1: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    coverage: Estimate | None
    ece: Estimate | None
    brier: Estimate | None


class Evaluation(BaseModel):
    """All metrics of scored patches, as `figures.json` holds them."""

    model_config = ConfigDict(frozen=True)

    pooled: Figures = Field(description="All patches together; intervals by resampling patients.")
    within_patients: Estimate | None = Field(
        description="Mean of the AUCs of the patients with both classes; interval by resampling patients."
    )
    mean_balanced_accuracy: Estimate | None = Field(
        description="Mean of the balanced accuracies of the patients with both classes; interval likewise."
    )
    patients: dict[str, Figures] = Field(description="Per patient; intervals by resampling its patches within classes.")
    resamples: int
    seed: int
    command: str | None = Field(default=None, description="The command that measured; null in older files.")


@dataclass(frozen=True)
class MeasuredPart:
    scored: ScoredPatches
    evaluation: Evaluation


@dataclass(frozen=True)
class MeasuredParts:
    validation: MeasuredPart
    """Calibration and thresholds were chosen on these patients."""
    test: MeasuredPart


def evaluate(scored: ScoredPatches, seed: int) -> Evaluation:
    """Measure scored patches, at least one.

    A resample that lacks a class is left out of the intervals of the metrics that need it.
    """
    patients = np.unique(scored.patients).tolist()
    each = {patient: _of_patient(scored.of(patient), np.random.default_rng(seed)) for patient in patients}
    mixed = [figures for figures in each.values() if figures.auc]
    rng = np.random.default_rng(seed)
    return Evaluation(
        pooled=_pooled(scored, rng),
        within_patients=_mean([figures.auc for figures in mixed], rng),
        mean_balanced_accuracy=_mean([figures.balanced_accuracy for figures in mixed], rng),
        patients=each,
        resamples=RESAMPLES,
        seed=seed,
    )


def read_cross_validation(path: Path) -> Evaluation:
    """Read the `figures.json` of a cross-validation's report.

    Raises:
        DataUnreadable: It cannot be read, or holds something else.
    """
    try:
        found = Evaluation.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise DataUnreadable(f"cannot read the figures {path} ({exc.strerror}): name a figures.json") from exc
    except ValidationError as exc:
        raise DataUnreadable(f"{path} holds no metrics of `crossval`: name a figures.json of its report") from exc
    if found.command and not found.command.startswith(_CROSS_VALIDATION):
        raise DataUnreadable(f"{path} was made by `{found.command}`: name a figures.json of `{_CROSS_VALIDATION}`")
    return found


def _pooled(scored: ScoredPatches, rng: np.random.Generator) -> Figures:
    patients, owner = np.unique(scored.patients, return_inverse=True)
    drawn = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), RESAMPLES)
    return _figures(scored, (times[owner].astype(np.float64) for times in drawn))


def _of_patient(scored: ScoredPatches, rng: np.random.Generator) -> Figures:
    return _figures(scored, (_resampled_patches(scored.labels, rng) for _ in range(RESAMPLES)))


def _resampled_patches(labels: NDArray[np.bool_], rng: np.random.Generator) -> Values:
    weights = np.zeros(len(labels))
    for label in (False, True):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            weights[rows] = np.bincount(rng.integers(0, len(rows), len(rows)), minlength=len(rows))
    return weights


def _figures(scored: ScoredPatches, resamples: Iterable[Values]) -> Figures:
    measure = Measurer(scored)
    found = measure(np.ones(len(scored)))
    drawn = np.array([measure(weights) for weights in resamples])
    estimates = {name: _estimate(found[i], drawn[:, i]) for i, name in enumerate(MEASURES)}
    return Figures(patches=len(scored), positives=int(scored.labels.sum()), **estimates)


def _mean(of: list[Estimate | None], rng: np.random.Generator) -> Estimate | None:
    values = np.array([estimate.value for estimate in of if estimate])
    if not len(values):
        return None
    drawn = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    return _estimate(float(values.mean()), drawn)


def _estimate(value: float, drawn: Values) -> Estimate | None:
    if np.isnan(value):
        return None
    low, high = np.nanquantile(drawn, _INTERVAL)
    return Estimate(value=round(value, _DECIMALS), low=round(low, _DECIMALS), high=round(high, _DECIMALS))
