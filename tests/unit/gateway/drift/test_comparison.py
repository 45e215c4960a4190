"""A shift of patients is noticed, and what patients differ by anyway is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_contracts.training_reference import MeasureReference
from idc_gateway.drift.comparison import FALSE_ALARMS, LEAST_PATCHES, Shift, compare, t_quantile

BETWEEN, WITHIN, TRAINED = 0.1, 0.3, 60
LOOKS = 3000


def made_reference(rng: np.random.Generator) -> MeasureReference:
    """As training learns it from its own sample of patients."""
    means = rng.normal(0.5, BETWEEN, TRAINED)
    deviation = float(means.std(ddof=1))
    return MeasureReference(
        mean=float(means.mean()),
        deviation_between=deviation,
        deviation_within=WITHIN,
        standard_error=deviation / TRAINED**0.5,
        patients=TRAINED,
    )


def look(rng: np.random.Generator, patients: int, patches: int, shift: float = 0.0) -> Shift:
    """Patients of today, beside a training of its own."""
    means = rng.normal(0.5 + shift, BETWEEN, patients)
    values = [rng.normal(mean, WITHIN, patches).tolist() for mean in means]
    return compare(values, made_reference(rng)).shift


@pytest.mark.parametrize(("patients", "patches"), [(1, 200), (5, 40), (30, 10)])
def test_unchanged_patients_lie_outside_as_rarely_as_is_said(patients: int, patches: int) -> None:
    rng = np.random.default_rng(1)

    outside = sum(look(rng, patients, patches) is not Shift.NONE for _ in range(LOOKS)) / LOOKS

    assert FALSE_ALARMS / 3 < outside < FALSE_ALARMS * 2


def test_shift_of_two_deviations_of_patients_is_noticed_with_ten_of_them() -> None:
    rng = np.random.default_rng(2)

    noticed = sum(look(rng, 10, 30, shift=2 * BETWEEN) is Shift.HIGHER for _ in range(300)) / 300

    assert noticed > 0.95


def test_many_patches_of_one_unusual_patient_prove_nothing() -> None:
    rng = np.random.default_rng(3)

    found = compare([rng.normal(0.5 + 1.5 * BETWEEN, WITHIN, 5000).tolist()], made_reference(rng))

    assert found.shift is Shift.NONE


def test_all_measures_together_have_the_stated_rate_by_a_wider_range_for_each() -> None:
    reference, values = made_reference(np.random.default_rng(4)), [[0.5] * 30]

    one, six = compare(values, reference), compare(values, reference, measures=6)

    assert six.low is not None
    assert one.low is not None
    assert six.low < one.low


def test_few_patches_tell_nothing() -> None:
    reference = made_reference(np.random.default_rng(5))

    assert compare([[9.0] * (LEAST_PATCHES - 1)], reference).shift is Shift.UNKNOWN
    assert compare([[9.0] * LEAST_PATCHES], reference).shift is Shift.HIGHER


def test_without_a_reference_the_value_alone_is_told() -> None:
    found = compare([[0.2] * 10, [0.4] * 30], None)

    assert (found.value, found.low, found.shift) == (pytest.approx(0.3), None, Shift.UNKNOWN)
    assert compare([], None).value is None


def test_measure_that_never_varied_in_the_training_is_not_compared() -> None:
    constant = MeasureReference(mean=0.0, deviation_between=0, deviation_within=0, standard_error=1e-5, patients=20)

    assert compare([[1.0] * 40], constant).shift is Shift.UNKNOWN


@pytest.mark.parametrize(
    ("degrees", "share", "expected"), [(9, 0.995, 3.2498), (30, 0.995, 2.75), (60, 0.995, 2.6603), (20, 0.975, 2.086)]
)
def test_quantile_of_t_is_that_of_the_tables(degrees: int, share: float, expected: float) -> None:
    assert t_quantile(share, degrees) == pytest.approx(expected, rel=3e-3)


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), min_size=1, max_size=20))
def test_shift_says_where_the_value_lies(patients: list[list[float]]) -> None:
    found = compare(patients, made_reference(np.random.default_rng(6)))

    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    if found.patches >= LEAST_PATCHES:
        expected = Shift.HIGHER if found.value > found.high else Shift.LOWER if found.value < found.low else Shift.NONE
        assert found.shift is expected
