"""What patches are like to a network that never saw their patients, for later patches to be compared with."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Reason, Thresholds
from idc_contracts.decision import DecisionCounts
from idc_contracts.training_reference import (
    PROBABILITY_BINS,
    MeasureReference,
    PatchMeasure,
    PatientDecisions,
    TrainingReference,
)
from idc_modelio.appearance import appearance_of
from idc_trainer.data.decoding import decoded_ahead, ranges
from idc_trainer.data.index import PatchIndex
from idc_trainer.evaluation.scored_patches import REASONS, ScoredPatches, reasons_of, score_patches
from idc_trainer.learning.ensemble import CHECKS
from idc_trainer.learning.held_out import HeldOutScores

LEAST_PATCHES: Final = 10
"""A patient counts if it has so many: with fewer its mean is mostly noise."""
LEAST_PATIENTS: Final = 10
_BLOCK: Final = 1024
_DECIMALS: Final = 5

Values = NDArray[np.float64]


def learn_reference(held_out: HeldOutScores, thresholds: Thresholds) -> TrainingReference | None:
    """Measure the held-out patients; None if fewer than `LEAST_PATIENTS` have `LEAST_PATCHES`.

    Raises:
        DataUnreadable: A file was changed since it was indexed.
    """
    names, sizes = np.unique(held_out.index.patients, return_counts=True)
    patients = names[sizes >= LEAST_PATCHES].tolist()
    if len(patients) < LEAST_PATIENTS:
        return None
    probability = held_out.probability.astype(np.float32)
    scored = score_patches(held_out.index, probability, thresholds, reasons_of(held_out.outputs, CHECKS))
    rows = [np.flatnonzero(held_out.index.patients == patient) for patient in patients]
    return TrainingReference(
        measures={
            measure: measure_reference([values[own] for own in rows])
            for measure, values in _measured(scored, held_out.index).items()
        },
        probability_shares=_shares([probability[own] for own in rows]),
        patients=tuple(_decisions(patient, scored.rows(own)) for patient, own in zip(patients, rows, strict=True)),
    )


def measure_reference(patients: list[Values]) -> MeasureReference:
    """How a measure spreads, from its values in the patches of each patient; those that are not numbers are left out.

    The spread of patients is that of their means without what the few patches of a patient add by chance (the method
    of moments: DerSimonian & Laird 1986, "Meta-analysis in clinical trials").
    """
    per_patient = [values[~np.isnan(values)] for values in patients]
    per_patient = [values for values in per_patient if len(values) > 1]
    means = np.array([values.mean() for values in per_patient])
    variances = np.array([values.var(ddof=1) for values in per_patient])
    by_chance = float((variances / [len(values) for values in per_patient]).mean())
    spread = float(means.var(ddof=1))
    return MeasureReference(
        mean=round(float(means.mean()), _DECIMALS),
        deviation_between=round(max(spread - by_chance, 0.0) ** 0.5, _DECIMALS),
        deviation_within=round(float(variances.mean()) ** 0.5, _DECIMALS),
        standard_error=max(round((spread / len(means)) ** 0.5, _DECIMALS), 10.0**-_DECIMALS),
        patients=len(means),
    )


def _measured(scored: ScoredPatches, index: PatchIndex) -> Mapping[PatchMeasure, Values]:
    reasons = scored.reasons
    assert reasons is not None  # noqa: S101, CHECKS are not empty
    appearance = _appearances(index)
    return {
        PatchMeasure.PROBABILITY: scored.probability.astype(np.float64),
        PatchMeasure.UNCERTAIN: (~(scored.called_idc | scored.called_no_idc)).astype(np.float64),
        PatchMeasure.UNFAMILIAR: reasons[:, REASONS.index(Reason.UNFAMILIAR)].astype(np.float64),
        **appearance,
    }


def _appearances(index: PatchIndex) -> dict[PatchMeasure, Values]:
    blocks = ranges(len(index), _BLOCK)
    parts = [appearance_of(patches) for patches in decoded_ahead(blocks, index.decode)]
    named = (PatchMeasure.STAIN_DENSITY, PatchMeasure.STAIN_HUE_DEG, PatchMeasure.SHARPNESS)
    return {name: np.concatenate([getattr(part, name.value) for part in parts]) for name in named}


def _shares(patients: list[NDArray[np.float32]]) -> tuple[float, ...]:
    counts = np.array([np.histogram(values, PROBABILITY_BINS, (0.0, 1.0))[0] / len(values) for values in patients])
    return tuple(counts.mean(axis=0).round(_DECIMALS).tolist())


def _decisions(patient: str, own: ScoredPatches) -> PatientDecisions:
    return PatientDecisions(
        patient=patient, positives=_counts(own.rows(own.labels)), negatives=_counts(own.rows(~own.labels))
    )


def _counts(own: ScoredPatches) -> DecisionCounts:
    idc, no_idc = int(own.called_idc.sum()), int(own.called_no_idc.sum())
    return DecisionCounts(idc=idc, no_idc=no_idc, uncertain=len(own) - idc - no_idc)
