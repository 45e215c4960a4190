from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_trainer.errors import OneClassOnly, SplitError, TooFewPatients
from idc_trainer.splits.folds import check_folds, k_folds, leave_one_patient_out

BOTH, NEGATIVE, POSITIVE = frozenset({False, True}), frozenset({False}), frozenset({True})
OWNERS = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 1), ("d", 0)]

patients = st.dictionaries(st.text("abcdef089", min_size=1), st.sampled_from([BOTH, NEGATIVE, POSITIVE]), min_size=2)


@given(patients, st.integers(2, 10), st.integers(0, 1000))
def test_each_patient_is_held_out_exactly_once(classes: dict[str, frozenset[bool]], k: int, seed: int) -> None:
    k = min(k, len(classes))

    for folds in (k_folds(classes, k, seed), leave_one_patient_out(classes)):
        assert sorted(patient for fold in folds for patient in fold) == sorted(classes)


@given(patients, st.integers(2, 10), st.integers(0, 1000))
def test_folds_hold_as_many_patients_of_each_kind_as_can_be(
    classes: dict[str, frozenset[bool]], k: int, seed: int
) -> None:
    folds = k_folds(classes, min(k, len(classes)), seed)

    for kind in (BOTH, NEGATIVE, POSITIVE):
        counts = Counter(dict.fromkeys(range(len(folds)), 0))
        counts.update(number for number, fold in enumerate(folds) for patient in fold if classes[patient] == kind)
        assert max(counts.values()) - min(counts.values()) <= 1
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


@given(patients, st.integers(0, 1000))
def test_the_same_seed_gives_the_same_folds(classes: dict[str, frozenset[bool]], seed: int) -> None:
    assert k_folds(classes, 2, seed) == k_folds(dict(reversed(classes.items())), 2, seed)


def test_another_seed_gives_other_folds() -> None:
    classes = {f"p{number}": BOTH for number in range(12)}

    assert len({k_folds(classes, 4, seed) for seed in range(10)}) > 5


def test_leaving_one_out_makes_a_fold_of_each_patient() -> None:
    assert leave_one_patient_out({"b": BOTH, "a": POSITIVE}) == (("a",), ("b",))


@pytest.mark.parametrize(
    ("patients", "k", "error", "text"),
    [(3, 1, SplitError, "1 folds leave nothing to train on"), (3, 4, TooFewPatients, "3 patients are too few for 4")],
)
def test_a_number_of_folds_that_cannot_be_is_refused(patients: int, k: int, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        k_folds({f"p{number}": BOTH for number in range(patients)}, k, 0)


def test_one_patient_cannot_be_left_out() -> None:
    with pytest.raises(TooFewPatients, match="1 patients are too few to hold one out"):
        leave_one_patient_out({"a": BOTH})


def test_sound_folds_pass(make_set: Any) -> None:
    data = make_set(OWNERS, digests=["1", "1", "3", "4", "5", "6"])

    check_folds((("a",), ("b",), ("c", "d")), data)


@pytest.mark.parametrize(
    ("folds", "error", "text"),
    [
        ((("a", "b"), ("b", "c", "d")), SplitError, "'b' is in fold 1 and in fold 2"),
        ((("a", "b"), ("c", "x")), SplitError, "'x' of fold 2 is not in the data"),
        ((("a", "b"), ("c",)), SplitError, "'d' is in no fold"),
        ((("a", "b"), ()), TooFewPatients, "fold 2 has no patient"),
        ((("a", "b", "c", "d"),), TooFewPatients, "one fold leaves no patient"),
        ((("a", "b", "c"), ("d",)), OneClassOnly, "without a, b, c the patients have one class only"),
    ],
)
def test_unsound_folds_are_refused(
    make_set: Any, folds: tuple[tuple[str, ...], ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        check_folds(folds, make_set(OWNERS))


def test_an_identical_file_in_two_folds_is_refused(make_set: Any) -> None:
    data = make_set(OWNERS, digests=["1", "2", "3", "4", "5", "1"])

    with pytest.raises(SplitError, match=r"5\.png of \w+ \w+ \(fold 2\) is the same file as 0\.png of .* \(fold 1\)"):
        check_folds((("a", "b"), ("c", "d")), data)
