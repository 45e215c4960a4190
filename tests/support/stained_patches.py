"""Patches that look like stained tissue, of patients that differ, and the training reference of such patches."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from idc_contracts.decision import DecisionCounts
from idc_contracts.training_reference import MeasureReference, PatchMeasure, PatientDecisions, TrainingReference
from idc_modelio.appearance import appearance_of
from support.gateway_fakes import FAKE_THRESHOLDS

HAEMATOXYLIN, EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.27, 0.57, 0.20])
"""Optical densities of the stains, RGB (Ruifrok & Johnston 2001; eosin a little bluer)."""

Patches = NDArray[np.uint8]


def stained_patches(
    seed: int, count: int, *, density: float = 1.0, haematoxylin: float = 0.5, is_blurred: bool = False
) -> Patches:
    """Patches of one patient, RGB, uint8, shape (count, 50, 50, 3).

    Args:
        seed: Of the patient, whose stain differs a little from others'.
        count: How many.
        density: How dark the stain is; 1.0 is usual.
        haematoxylin: The share of haematoxylin; 0.5 is usual.
        is_blurred: Whether it is out of focus.
    """
    rng = np.random.default_rng(seed)
    dark, blue = density * rng.normal(0.5, 0.05), haematoxylin + rng.normal(0, 0.04)
    texture = rng.uniform(0.3, 1.7, (count, 50, 50))
    if is_blurred:
        for axis in (1, 2):
            texture = (texture + np.roll(texture, 1, axis) + np.roll(texture, 2, axis) + np.roll(texture, -1, axis)) / 4
    strength = rng.uniform(0.4, 1.6, (count, 1, 1)) * dark * texture
    colour = blue * HAEMATOXYLIN + (1 - blue) * EOSIN
    return (255 * 10 ** -(strength[..., None] * colour)).astype(np.uint8)


def made_reference(patients: Iterable[Patches]) -> TrainingReference:
    """The reference of patches whose P(IDC) is the mean of red, as `RednessInference` has it."""
    found = [values_of(patches) for patches in patients]
    bins = [np.histogram(values[PatchMeasure.PROBABILITY], 10, (0, 1))[0] for values in found]
    return TrainingReference(
        measures={measure: _reference([values[measure] for values in found]) for measure in PatchMeasure},
        probability_shares=tuple(np.mean([counts / counts.sum() for counts in bins], axis=0).tolist()),
        patients=tuple(_decisions(number, values) for number, values in enumerate(found)),
    )


def values_of(patches: Patches) -> Mapping[PatchMeasure, NDArray[np.float64]]:
    """Each measure of each patch."""
    seen, probability = appearance_of(patches), patches[..., 0].mean(axis=(1, 2)) / 255
    uncertain = (probability >= FAKE_THRESHOLDS.no_idc_below) & (probability < FAKE_THRESHOLDS.idc_from)
    return {
        PatchMeasure.PROBABILITY: probability,
        PatchMeasure.UNCERTAIN: uncertain.astype(np.float64),
        PatchMeasure.UNFAMILIAR: np.zeros(len(patches)),
        PatchMeasure.STAIN_DENSITY: seen.stain_density,
        PatchMeasure.STAIN_HUE_DEG: seen.stain_hue_deg,
        PatchMeasure.SHARPNESS: seen.sharpness,
    }


def _reference(patients: list[NDArray[np.float64]]) -> MeasureReference:
    means = np.array([values.mean() for values in patients])
    within = float(np.mean([values.var() for values in patients]) ** 0.5)
    between, error = float(means.std(ddof=1)), float(means.std(ddof=1) / len(means) ** 0.5)
    return MeasureReference(
        mean=float(means.mean()),
        deviation_between=between,
        deviation_within=within,
        standard_error=max(error, 1e-6),
        patients=len(means),
    )


def _decisions(number: int, values: Mapping[PatchMeasure, NDArray[np.float64]]) -> PatientDecisions:
    """As if the reddest half of a patient's patches held IDC."""
    probability = np.sort(values[PatchMeasure.PROBABILITY])
    half = len(probability) // 2
    negatives, positives = _counts(probability[:half]), _counts(probability[half:])
    return PatientDecisions(patient=str(number), positives=positives, negatives=negatives)


def _counts(probability: NDArray[np.float64]) -> DecisionCounts:
    idc = int((probability >= FAKE_THRESHOLDS.idc_from).sum())
    no_idc = int((probability < FAKE_THRESHOLDS.no_idc_below).sum())
    return DecisionCounts(idc=idc, no_idc=no_idc, uncertain=len(probability) - idc - no_idc)
