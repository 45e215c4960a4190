"""The figures of an evaluation as a bundle's manifest keeps them."""

from typing import Literal

from idc_contracts.bundle import Estimate, PatientMetrics
from idc_trainer.evaluation.bootstrap import Evaluation, Figures

Side = Literal["validation", "test"]


def patient_metrics(evaluation: Evaluation, side: Side) -> list[PatientMetrics]:
    """The figures of each patient of one side, patients in order."""
    return [_metrics(patient, side, figures) for patient, figures in evaluation.patients.items()]


def _metrics(patient: str, side: Side, figures: Figures) -> PatientMetrics:
    return PatientMetrics(
        patient=patient,
        side=side,
        patches=figures.patches,
        positives=figures.positives,
        auc=figures.auc,
        auprc=figures.auprc,
        balanced_accuracy=figures.balanced_accuracy,
        f1=figures.f1,
        sensitivity=figures.sensitivity,
        specificity=figures.specificity,
        coverage=_always(figures.coverage),
        ece=_always(figures.ece).value,
        brier=_always(figures.brier).value,
    )


def _always(estimate: Estimate | None) -> Estimate:
    """An estimate that every patient with a patch has."""
    if estimate is None:
        raise ValueError("a patient without a patch has no figures")
    return estimate
