import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_trainer.learning.sampling import BalancedRows, patient_weights

OWNERS = st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), min_size=2, max_size=60).filter(
    lambda owners: len({label for _, label in owners}) == 2
)


@settings(max_examples=40)
@given(OWNERS, st.integers(0, 1000))
def test_classes_are_drawn_alike_and_patients_by_the_root_of_their_patches(
    owners: list[tuple[str, bool]], seed: int
) -> None:
    patients, labels = np.array([patient for patient, _ in owners]), np.array([label for _, label in owners])

    rows = BalancedRows(labels, patients).draw(4000, np.random.default_rng(seed))

    assert rows.shape == (4000,)
    assert labels[rows].mean() == 0.5
    for label in (False, True):
        drawn = patients[rows][labels[rows] == label]
        known, counts = np.unique(patients[labels == label], return_counts=True)
        shares = np.array([(drawn == patient).mean() for patient in known])
        np.testing.assert_allclose(shares, np.sqrt(counts) / np.sqrt(counts).sum(), atol=0.07)


def test_patches_of_one_patient_are_drawn_alike() -> None:
    labels = np.array([True] * 10 + [False])

    rows = BalancedRows(labels, np.full(11, "a")).draw(20_000, np.random.default_rng(0))

    np.testing.assert_allclose(np.bincount(rows, minlength=11)[:10], 1000, rtol=0.15)


@given(OWNERS, st.integers(1, 9))
def test_an_odd_count_is_drawn_too(owners: list[tuple[str, bool]], count: int) -> None:
    patients, labels = np.array([patient for patient, _ in owners]), np.array([label for _, label in owners])

    rows = BalancedRows(labels, patients).draw(count, np.random.default_rng(0))

    assert labels[rows].tolist() == [bool(place % 2) for place in range(count)]


def test_the_same_seed_draws_the_same_rows() -> None:
    rows = BalancedRows(np.arange(30) % 2 == 0, np.repeat(["a", "b", "c"], 10))

    first, second, other = (rows.draw(50, np.random.default_rng(seed)) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@given(OWNERS)
def test_every_patient_has_the_same_weight(owners: list[tuple[str, bool]]) -> None:
    patients = np.array([patient for patient, _ in owners])

    weights = patient_weights(patients)

    assert np.isclose(weights.mean(), 1)
    sums = [weights[patients == patient].sum() for patient in set(patients)]
    np.testing.assert_allclose(sums, len(patients) / len(sums))
