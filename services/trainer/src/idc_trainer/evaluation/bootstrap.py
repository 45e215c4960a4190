"""All metrics of scored patches: over patients, of each patient, and of all patches together, with 95 % intervals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_contracts.bundle import Estimate
from idc_trainer.errors import DataUnreadable
from idc_trainer.evaluation.intervals import RESAMPLES, Values, estimate, resampled_weights, units_with
from idc_trainer.evaluation.measures import MEASURES, SHARES, Measurer
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.slides import SlidesEvaluation
from idc_trainer.evaluation.spread import LEAST_PATCHES, Called, RiskCoverage, Spread, called, quantiles, risk_coverage

_BOTH: Final = (False, True)
_CROSS_VALIDATION: Final = "idc-trainer crossval"


class Figures(BaseModel):
    """Metrics of some patches, all counted; None where a class that a metric needs is missing."""

    model_config = ConfigDict(frozen=True)

    patches: int
    positives: int
    called_of_positives: Called | None
    called_of_negatives: Called | None
    auc: Estimate | None
    auprc: Estimate | None
    balanced_accuracy_at_half: Estimate | None
    f1_at_half: Estimate | None
    sensitivity_at_half: Estimate | None
    specificity_at_half: Estimate | None
    misses: Estimate | None = Field(description="Share of the positives that are `no_idc`.")
    false_alarms: Estimate | None = Field(description="Share of the negatives that are `idc`.")
    coverage: Estimate | None = Field(description="Share of the patches that are not `uncertain`.")
    ece: Estimate | None
    brier: Estimate | None


class Evaluation(BaseModel):
    """All metrics of scored patches, as `figures.json` holds them."""

    model_config = ConfigDict(frozen=True)

    pooled: Figures = Field(description="All patches together; intervals by resampling patients and their blocks.")
    spread: dict[str, Spread] = Field(description="Each metric over patients, each patient once; intervals likewise.")
    risk_coverage: RiskCoverage
    patients: dict[str, Figures] = Field(description="Per patient; intervals by resampling blocks of its slide.")
    resamples: int
    seed: int
    command: str | None = Field(default=None, description="The command that measured; null in older files.")
    slides: SlidesEvaluation | None = Field(
        default=None, description="Whole slides with a fitted cut; null without any, and in older files."
    )


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
    pooled, _ = _measure(scored, seed, within=False)
    parts = {patient: scored.of(patient) for patient in np.unique(scored.patients).tolist()}
    measured = {patient: _measure(part, seed, within=True) for patient, part in parts.items()}
    return Evaluation(
        pooled=pooled,
        spread=_spread(list(parts.values()), np.array([values for _, values in measured.values()]), seed),
        risk_coverage=risk_coverage(scored),
        patients={patient: figures for patient, (figures, _) in measured.items()},
        resamples=RESAMPLES,
        seed=seed,
    )


def read_cross_validation(path: Path) -> Evaluation:
    """Read the `figures.json` of a cross-validation's report.

    Raises:
        DataUnreadable: It cannot be read, or holds something else.
    """
    try:
        evaluation = Evaluation.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise DataUnreadable(f"cannot read the metrics {path} ({exc.strerror}): name a figures.json") from exc
    except ValidationError as exc:
        raise DataUnreadable(f"{path} holds no metrics of `crossval`: name a figures.json of its report") from exc
    if evaluation.command and not evaluation.command.startswith(_CROSS_VALIDATION):
        raise DataUnreadable(f"{path} was made by `{evaluation.command}`: name a figures.json of `{_CROSS_VALIDATION}`")
    return evaluation


def _measure(scored: ScoredPatches, seed: int, *, within: bool) -> tuple[Figures, Values]:
    """The metrics of all patches or within a patient, and each metric of them and each resample, shape (1 + R, M)."""
    measure, rng = Measurer(scored), np.random.default_rng(seed)
    values = np.concatenate([measure(np.ones((1, len(scored)))), *map(measure, resampled_weights(scored, rng))])
    estimates = {
        name: estimate(
            float(values[0, column]),
            values[1:, column],
            units_with(scored, SHARES.get(name, _BOTH), within=within),
            is_share=name in SHARES,
        )
        for column, name in enumerate(MEASURES)
    }
    figures = Figures(
        patches=len(scored),
        positives=int(scored.labels.sum()),
        called_of_positives=called(scored, label=True),
        called_of_negatives=called(scored, label=False),
        **estimates,
    )
    return figures, values


def _spread(parts: list[ScoredPatches], values: Values, seed: int) -> dict[str, Spread]:
    """Each metric over patients; `values` are those of `_measure`, shape (patients, 1 + R, metrics)."""
    counts = np.array([[(~part.labels).sum(), part.labels.sum()] for part in parts])
    rng = np.random.default_rng(seed)
    spreads = {}
    for column, name in enumerate(MEASURES):
        known = ~np.isnan(values[:, 0, column])
        of_patients, drawn = values[known, 0, column], values[known, 1:, column]
        if not len(of_patients):
            continue
        enough = _patches_behind(name, counts[known]) >= LEAST_PATCHES
        spreads[name] = Spread(
            patients=len(of_patients),
            mean=_mean(of_patients, drawn, rng),
            counted=int(enough.sum()),
            quantiles=quantiles(of_patients[enough]),
        )
    return spreads


def _patches_behind(name: str, counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """The patches that a metric of each patient rests on, given its negatives and positives, shape (patients, 2)."""
    if name in ("ece", "brier"):
        return np.asarray(counts.sum(axis=1))
    behind = counts[:, list(map(int, SHARES[name]))].sum(axis=1) if name in SHARES else counts.min(axis=1)
    return np.asarray(behind)


def _mean(of_patients: Values, drawn: Values, rng: np.random.Generator) -> Estimate:
    """The mean of patients, resampling patients, each with a resample of its own; `drawn` has shape (patients, R)."""
    varied = np.where(np.isnan(drawn), of_patients[:, None], drawn)
    count, resamples = varied.shape
    means = varied[rng.integers(0, count, (resamples, count)), np.arange(resamples)[:, None]].mean(axis=1)
    mean = estimate(float(of_patients.mean()), means, count, is_share=False)
    assert mean is not None  # noqa: S101, the mean is of numbers
    return mean
