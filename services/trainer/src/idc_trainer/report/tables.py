"""The report's tables as HTML."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from idc_contracts.bundle import Estimate
from idc_trainer.evaluation.bootstrap import Evaluation, Figures
from idc_trainer.evaluation.measures import MEASURES
from idc_trainer.evaluation.scored_patches import ScoredPatches

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


def format_estimate(estimate: Estimate | None) -> str:
    """`0.912 (0.880-0.941)`, or `-` where there is none."""
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})" if estimate else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names the rows; all texts are escaped."""
    body = "".join(
        f"<tr><th scope='row'>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    titles = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in head)
    return f"<div class='wide'><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"


def summary(evaluation: Evaluation) -> str:
    """The pooled figures and the means over patients, a line each."""
    rows = [
        ("mean AUC within patients", format_estimate(evaluation.within_patients)),
        ("mean balanced accuracy of patients", format_estimate(evaluation.mean_balanced_accuracy)),
        *((f"{_NAMES[name]}, all patches", format_estimate(getattr(evaluation.pooled, name))) for name in MEASURES),
    ]
    return table(("figure", "value (95 % interval by patient)"), rows)


def per_patient(evaluation: Evaluation) -> str:
    """All figures of each patient."""
    head = ("patient", "patches", "IDC", *(_NAMES[name] for name in MEASURES))
    return table(head, [_patient_row(patient, figures) for patient, figures in evaluation.patients.items()])


def _patient_row(patient: str, figures: Figures) -> tuple[str, ...]:
    cells = (format_estimate(getattr(figures, name)) for name in MEASURES)
    return patient, str(figures.patches), str(figures.positives), *cells


def confusion(scored: ScoredPatches) -> str:
    """What was decided against the truth."""
    undecided = ~(scored.called_idc | scored.called_no_idc)
    rows = []
    for name, truth in (("IDC", scored.labels), ("no IDC", ~scored.labels)):
        counts = [int((truth & said).sum()) for said in (scored.called_idc, undecided, scored.called_no_idc)]
        total = max(int(np.sum(counts)), 1)
        rows.append((name, *(f"{count} ({count / total:.1%})" for count in counts)))
    return table(("truth", "idc", "uncertain", "no_idc"), rows)
