import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_trainer.errors import OneClassOnly, SplitError, TooFewPatients
from idc_trainer.splits.split import PatientSplit, check_split, choose_split, official_split, read_split_file

BOTH, NEGATIVE, POSITIVE = frozenset({False, True}), frozenset({False}), frozenset({True})
OWNERS = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 1)]


def _classes(both: int, negative: int, positive: int) -> dict[str, frozenset[bool]]:
    kinds = [BOTH] * both + [NEGATIVE] * negative + [POSITIVE] * positive
    return {f"p{index}": kind for index, kind in enumerate(kinds)}


@given(st.integers(3, 12), st.integers(0, 6), st.integers(0, 20), st.integers(0, 1000))
def test_a_drawn_split_holds_each_patient_once_with_both_classes_on_each_side(
    both: int, negative: int, positive: int, seed: int
) -> None:
    classes = _classes(both, negative, positive)

    split = choose_split(classes, seed)

    assert sorted([*split.train, *split.validation, *split.test]) == sorted(classes)
    for side in (split.train, split.validation, split.test):
        assert frozenset().union(*(classes[patient] for patient in side)) == BOTH


@given(st.integers(0, 1000))
def test_the_same_seed_draws_the_same_split(seed: int) -> None:
    classes = _classes(4, 3, 9)

    assert choose_split(classes, seed) == choose_split(dict(reversed(classes.items())), seed)


def test_another_seed_draws_another_split() -> None:
    assert len({choose_split(_classes(6, 3, 9), seed).id for seed in range(10)}) > 5


def test_named_patients_stand_where_they_were_named() -> None:
    split = choose_split(_classes(4, 0, 3), 0, test=("p0", "p5"), validation=("p1",))

    assert (split.test, split.validation) == (("p0", "p5"), ("p1",))
    assert split.train == ("p2", "p3", "p4", "p6")


def test_a_named_test_patient_is_never_drawn_for_another_side() -> None:
    for seed in range(20):
        split = choose_split(_classes(4, 0, 3), seed, test=("p0",))

        assert split.test == ("p0",)
        assert "p0" not in {*split.train, *split.validation}


def test_two_patients_are_too_few() -> None:
    with pytest.raises(TooFewPatients, match="2 patients are too few"):
        choose_split(_classes(2, 0, 0), 0)


@pytest.mark.parametrize(
    ("split", "error", "text"),
    [
        (PatientSplit(("a", "b"), ("b",), ("c",)), SplitError, "'b' is in train and in validation"),
        (PatientSplit(("a",), ("b",), ("a",)), SplitError, "'a' is in train and in test"),
        (PatientSplit(("a",), ("b",), ("x",)), SplitError, "'x' of test is not in the data"),
        (PatientSplit(("a",), ("b",), ()), TooFewPatients, "test has no patient"),
        (PatientSplit(("c",), ("b",), ("a",)), OneClassOnly, "train have one class only"),
        (PatientSplit(("a",), ("c",), ("b",)), OneClassOnly, "validation have one class only"),
    ],
)
def test_an_unsound_split_is_refused(make_set, split: PatientSplit, error: type[Exception], text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=text):
        check_split(split, make_set(OWNERS))


def test_an_identical_file_on_two_sides_is_refused(make_set) -> None:  # type: ignore[no-untyped-def]
    data = make_set(OWNERS, digests=["1", "2", "3", "4", "2"])

    with pytest.raises(SplitError, match=r"4\.png of patient c \(test\) is the same file as 1\.png of patient a"):
        check_split(PatientSplit(("a",), ("b",), ("c",)), data)


@pytest.mark.parametrize(
    ("owners", "digests"),
    [
        (OWNERS, None),
        (OWNERS, ["1", "1", "3", "4", "5"]),  # an identical file on one side
        ([*OWNERS, ("d", 0)], ["1", "2", "3", "4", "5", "1"]),  # one of a patient on no side
    ],
)
def test_a_sound_split_passes(make_set, owners: list[tuple[str, int]], digests: list[str] | None) -> None:  # type: ignore[no-untyped-def]
    check_split(PatientSplit(("a",), ("b",), ("c",)), make_set(owners, digests=digests))


def test_a_split_file_is_read_sorted(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["b", "a"], "validation": [8867], "test": ["c"]}))

    assert read_split_file(path) == PatientSplit(("a", "b"), ("8867",), ("c",))


@pytest.mark.parametrize("content", ["", "[]", '{"train": []}', '{"train": 1, "validation": 2, "test": 3}'])
def test_a_split_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "split.json"
    path.write_text(content)

    with pytest.raises(SplitError, match="cannot read the split"):
        read_split_file(path)


def test_the_published_lists_name_162_patients_each_once() -> None:
    everyone = {str(patient): BOTH for patient in range(8000, 17000)}

    split = official_split(everyone)

    assert [len(side) for side in (split.train, split.validation, split.test)] == [84, 29, 49]
    assert len({*split.train, *split.validation, *split.test}) == 162


def test_patients_in_no_published_list_are_on_no_side() -> None:
    split = official_split({"8975": BOTH, "8867": BOTH, "9075": BOTH, "8863": BOTH, "mine": BOTH})

    assert split == PatientSplit(("8975",), ("8867",), ("9075",))


@pytest.mark.parametrize(
    ("patients", "found"),
    [
        (("a", "b", "c"), "0 of 84 for train, 0 of 29 for validation, 0 of 49 for test"),
        (("8975", "8867", "8863"), "1 of 84 for train, 1 of 29 for validation, 0 of 49 for test"),
    ],
)
def test_the_published_lists_are_refused_where_a_side_is_not_there(patients: tuple[str, ...], found: str) -> None:
    with pytest.raises(SplitError, match=f"{found}: bring the whole public set, or use --split random"):
        official_split(dict.fromkeys(patients, BOTH))
