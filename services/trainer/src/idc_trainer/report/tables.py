"""The rows of the report's tables."""

from idc_contracts.bundle import Estimate
from idc_trainer.evaluation.bootstrap import Evaluation, Figures
from idc_trainer.evaluation.measures import MEASURES
from idc_trainer.evaluation.spread import QUANTILES

Row = tuple[str, ...]
"""The row's name and its cells."""

_NAMES = {
    "auc": "AUC",
    "auprc": "AUPRC",
    "balanced_accuracy_at_half": "balanced accuracy at 0.5",
    "f1_at_half": "F1 at 0.5",
    "sensitivity_at_half": "sensitivity at 0.5",
    "specificity_at_half": "specificity at 0.5",
    "misses": "IDC called no_idc",
    "false_alarms": "no IDC called idc",
    "coverage": "decided",
    "ece": "ECE",
    "brier": "Brier",
}

SPREAD_HEAD = (
    "metric, all patches counted",
    "all patches together",
    "mean of patients",
    "patients in the mean",
    *("least" if percent == 0 else "greatest" if percent == 100 else f"{percent} %" for percent in QUANTILES),
    "patients in the quantiles",
)
PATIENT_HEAD = ("patient", "patches", "IDC", *(_NAMES[name] for name in MEASURES))


def format_estimate(estimate: Estimate | None) -> str:
    """`0.912 (0.880-0.941)`, `0.912` without an interval, or `-` where there is none."""
    if estimate is None:
        return "-"
    interval = "" if estimate.low is None else f" ({estimate.low:.3f}-{estimate.high:.3f})"
    return f"{estimate.value:.3f}{interval}"


def spread(evaluation: Evaluation) -> list[Row]:
    """Each metric of all patches together and over patients, under `SPREAD_HEAD`."""
    rows = []
    for name, found in evaluation.spread.items():
        quantiles = (f"{found.quantiles[percent]:.3f}" if found.counted else "-" for percent in QUANTILES)
        means = format_estimate(getattr(evaluation.pooled, name)), format_estimate(found.mean)
        rows.append((_NAMES[name], *means, str(found.patients), *quantiles, str(found.counted)))
    return rows


def reasons(evaluation: Evaluation) -> list[Row]:
    """What the patches of each class were called, and why they are uncertain: shares of all patches of the class."""
    pooled = evaluation.pooled
    classes = (("IDC", pooled.called_of_positives), ("no IDC", pooled.called_of_negatives))
    return [
        (name, str(called.patches), *(f"{share:.1%}" for share in (called.idc, called.no_idc, called.uncertain)), why)
        for name, called in classes
        if called
        for why in [", ".join(f"{reason} {share:.1%}" for reason, share in called.reasons.items())]
    ]


def per_patient(evaluation: Evaluation) -> list[Row]:
    """All metrics of each patient, under `PATIENT_HEAD`."""
    return [_patient_row(patient, figures) for patient, figures in evaluation.patients.items()]


def _patient_row(patient: str, figures: Figures) -> Row:
    cells = (format_estimate(getattr(figures, name)) for name in MEASURES)
    return patient, str(figures.patches), str(figures.positives), *cells
