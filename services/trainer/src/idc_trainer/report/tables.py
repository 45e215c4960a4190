"""The rows of the report's tables."""

from idc_contracts.bundle import Estimate
from idc_trainer.evaluation.bootstrap import Evaluation, Figures
from idc_trainer.evaluation.measures import MEASURES
from idc_trainer.evaluation.scored_patches import ScoredPatches

Row = tuple[str, ...]
"""The row's name and its cells."""

_NAMES = {
    "auc": "AUC",
    "auprc": "AUPRC",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "coverage": "coverage",
    "ece": "ECE",
    "brier": "Brier",
}

PATIENT_HEAD = ("patient", "patches", "IDC", *(_NAMES[name] for name in MEASURES))


def format_estimate(estimate: Estimate | None) -> str:
    """`0.912 (0.880-0.941)`, or `-` where there is none."""
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})" if estimate else "-"


def summary(evaluation: Evaluation) -> list[Row]:
    """The means over patients and the pooled metrics."""
    return [
        ("mean AUC within patients", format_estimate(evaluation.within_patients)),
        ("mean balanced accuracy of patients", format_estimate(evaluation.mean_balanced_accuracy)),
        *((f"{_NAMES[name]}, all patches", format_estimate(getattr(evaluation.pooled, name))) for name in MEASURES),
    ]


def per_patient(evaluation: Evaluation) -> list[Row]:
    """All metrics of each patient, under `PATIENT_HEAD`."""
    return [_patient_row(patient, figures) for patient, figures in evaluation.patients.items()]


def _patient_row(patient: str, figures: Figures) -> Row:
    cells = (format_estimate(getattr(figures, name)) for name in MEASURES)
    return patient, str(figures.patches), str(figures.positives), *cells


def confusion(scored: ScoredPatches) -> list[Row]:
    """Patches by truth and decision (`idc`, `uncertain`, `no_idc`), with the share of the row."""
    undecided = ~(scored.called_idc | scored.called_no_idc)
    rows = []
    for name, truth in (("IDC", scored.labels), ("no IDC", ~scored.labels)):
        counts = [int((truth & decision).sum()) for decision in (scored.called_idc, undecided, scored.called_no_idc)]
        total = max(sum(counts), 1)
        rows.append((name, *(f"{count} ({count / total:.1%})" for count in counts)))
    return rows
