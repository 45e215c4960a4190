"""Training learns what patches of patients that it never saw are like."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from idc_contracts.training_reference import PatchMeasure
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.source import PatchFile
from idc_trainer.learning.held_out import HeldOutScores
from idc_trainer.learning.reference import LEAST_PATIENTS, learn_reference, measure_reference
from support.made_slide_scores import THRESHOLDS
from support.memory_patches import MemoryPatches
from support.stained_patches import stained_patches

EACH = 12


def held_out(patients: int) -> HeldOutScores:
    """Patients with twelve patches each, half of them IDC, scored by their number."""
    encoded: dict[PatchFile, bytes] = {}
    for number in range(patients):
        for place, patch in enumerate(stained_patches(number, EACH)):
            buffer = io.BytesIO()
            Image.fromarray(patch).save(buffer, "PNG")
            label = place % 2
            encoded[PatchFile(f"{number}/{label}/{number}_{place}.png", str(number), label)] = buffer.getvalue()
    files = tuple(encoded)
    index = PatchIndex(
        source=MemoryPatches(encoded),
        files=files,
        labels=np.array([file.label == 1 for file in files]),
        patients=np.array([file.patient for file in files]),
        names=np.array([file.name for file in files]),
        digests=np.array([hashlib.sha256(encoded[file]).hexdigest() for file in files], "S64"),
        sizes_px=np.full((len(files), 2), 50, np.int32),
    )
    probability = np.where(index.labels, 0.9, 0.02)
    qualities = np.tile([1.0, 0.0, 0.0, 0.0], (len(files), 1))
    return HeldOutScores(index, probability, np.zeros(len(files)), qualities)


def test_reference_has_every_measure_and_every_patients_decisions() -> None:
    reference = learn_reference(held_out(LEAST_PATIENTS), THRESHOLDS)

    assert reference is not None
    assert set(reference.measures) == set(PatchMeasure)
    assert reference.measures[PatchMeasure.PROBABILITY].mean == pytest.approx(0.46)
    assert reference.measures[PatchMeasure.UNFAMILIAR].mean == 0.0
    assert reference.probability_shares == (0.5, *[0.0] * 8, 0.5)
    assert {(one.positives.idc, one.negatives.no_idc) for one in reference.patients} == {(6, 6)}
    assert len(reference.patients) == LEAST_PATIENTS


def test_few_patients_are_no_reference() -> None:
    assert learn_reference(held_out(LEAST_PATIENTS - 1), THRESHOLDS) is None


def test_spread_of_patients_is_told_from_the_chance_of_their_patches() -> None:
    rng = np.random.default_rng(0)
    alike = measure_reference([rng.normal(0.5, 0.3, 20) for _ in range(400)])
    different = measure_reference([rng.normal(mean, 0.3, 20) for mean in rng.normal(0.5, 0.1, 400)])

    assert alike.deviation_between < 0.03
    assert different.deviation_between == pytest.approx(0.1, abs=0.015)
    assert different.deviation_within == pytest.approx(0.3, abs=0.01)


def test_value_that_is_no_number_is_left_out() -> None:
    found = measure_reference([np.array([1.0, np.nan, 3.0]), np.array([2.0, 4.0]), np.array([np.nan, np.nan])])

    assert (found.mean, found.patients) == (2.5, 2)
