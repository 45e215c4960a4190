import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_trainer.learning.sampling import balanced_rows

OWNERS = st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), min_size=2, max_size=60).filter(
    lambda owners: len({label for _, label in owners}) == 2
)


@settings(max_examples=40)
@given(OWNERS, st.integers(0, 1000))
def test_classes_and_within_a_class_patients_come_up_equally_often(owners: list[tuple[str, bool]], seed: int) -> None:
    patients, labels = np.array([patient for patient, _ in owners]), np.array([label for _, label in owners])

    rows = balanced_rows(labels, patients, 4000, np.random.default_rng(seed))

    assert rows.shape == (4000,)
    assert abs(labels[rows].mean() - 0.5) < 0.05
    for label in (False, True):
        drawn = patients[rows][labels[rows] == label]
        known = np.unique(patients[labels == label])
        shares = np.array([(drawn == patient).mean() for patient in known])
        np.testing.assert_allclose(shares, 1 / len(known), atol=0.07)


def test_the_patches_of_one_patient_come_up_equally_often() -> None:
    labels = np.array([True] * 10 + [False])

    rows = balanced_rows(labels, np.full(11, "a"), 20_000, np.random.default_rng(0))

    counts = np.bincount(rows, minlength=11)
    np.testing.assert_allclose(counts[:10], 1000, rtol=0.15)
    assert abs(counts[10] - 10_000) < 500


def test_the_same_seed_draws_the_same_rows() -> None:
    labels, patients = np.arange(30) % 2 == 0, np.repeat(["a", "b", "c"], 10)

    first, second, other = (balanced_rows(labels, patients, 50, np.random.default_rng(seed)) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
