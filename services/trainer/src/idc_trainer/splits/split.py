"""Splits the data by patient: no patient and no identical file may be on two sides.

Neighbouring patches of one slide look alike, so a split by patch would measure memory instead of skill.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import OneClassOnly, SplitError, TooFewPatients

_SHARE: Final = 0.2
"""The share of each kind of patient that goes to validation, and to test."""

_NAMED: Final = 20
"""Patients named in a message."""

Classes = Mapping[str, frozenset[bool]]
"""The classes of each patient, True for IDC."""


@dataclass(frozen=True)
class PatientSplit:
    """The patients of each side, sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def id(self) -> str:
        """Digest of the three lists, 64 hexadecimal digits."""
        return sha256(json.dumps([self.train, self.validation, self.test]).encode()).hexdigest()


def read_split_file(path: Path) -> PatientSplit:
    """Read a JSON object with the lists `train`, `validation` and `test` of patients.

    Raises:
        SplitError: The file cannot be read or is malformed.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sides = [tuple(sorted(map(str, content[side]))) for side in ("train", "validation", "test")]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SplitError(
            f'cannot read the split {path} ({exc}): write {{"train": [...], "validation": [...], "test": [...]}}'
        ) from exc
    return PatientSplit(*sides)


def official_split(classes: Classes) -> PatientSplit:
    """Split as the authors of the public data set did; the lists and their source are in `official_split.json`.

    Args:
        classes: The classes of each patient. Listed patients that are not in the data are skipped; patients that are
            not listed are on no side.

    Raises:
        SplitError: A side has no patient: the data is a part of the public set, or another set.
    """
    content = json.loads((files("idc_trainer.splits") / "official_split.json").read_text(encoding="utf-8"))
    lists = {side: set(content[side]) for side in ("train", "validation", "test")}
    sides = {side: tuple(sorted(classes.keys() & listed)) for side, listed in lists.items()}
    if not all(sides.values()):
        counts = ", ".join(f"{len(sides[side])} of {len(listed)} for {side}" for side, listed in lists.items())
        raise SplitError(
            f"--split official needs patients of all three published lists, and the data has {counts}: bring the whole "
            "public set, or use --split random or --test-patients"
        )
    return PatientSplit(**sides)


def choose_split(
    classes: Classes, seed: int, test: tuple[str, ...] = (), validation: tuple[str, ...] = ()
) -> PatientSplit:
    """Split the patients at random, the same way for the same seed.

    Of each kind (both classes, one, the other) a fifth goes to test and a fifth to validation; at least one with
    negatives and at least one with positives.

    Args:
        classes: The classes of each patient.
        seed: Determines which patients are drawn.
        test: The test patients, if they are not to be drawn.
        validation: The validation patients, if they are not to be drawn.

    Raises:
        TooFewPatients: There are fewer patients than sides.
    """
    if len(classes) < 3:
        raise TooFewPatients(f"{len(classes)} patients are too few to train, validate and test: bring at least 3")
    rng = np.random.default_rng(seed)
    named = {*test, *validation}
    test = test or _draw({p: c for p, c in classes.items() if p not in named}, rng)
    validation = validation or _draw({p: c for p, c in classes.items() if p not in {*named, *test}}, rng)
    train = classes.keys() - {*test, *validation}
    return PatientSplit(tuple(sorted(train)), tuple(sorted(validation)), tuple(sorted(test)))


def _draw(classes: Classes, rng: np.random.Generator) -> tuple[str, ...]:
    drawn: list[str] = []
    covered: set[bool] = set()
    for kind in (frozenset({False, True}), frozenset({False}), frozenset({True})):
        patients = [patient for patient in sorted(classes) if classes[patient] == kind]
        # At least one, as long as no patient drawn has these classes.
        count = max(round(_SHARE * len(patients)), 0 if kind <= covered else 1)
        drawn += rng.permutation(patients)[:count].tolist()
        covered |= kind if patients and count else set()
    return tuple(drawn)


def check_split(split: PatientSplit, data: PatchIndex) -> None:
    """Refuse a split that would not measure skill on unseen patients.

    Raises:
        SplitError: A patient is unknown, or a patient or an identical file is on two sides.
        OneClassOnly: Training or validation lacks a class.
        TooFewPatients: A side is empty.
    """
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    check_sides(sides, data)
    for side in ("train", "validation"):
        if not has_both_classes(sides[side], data):
            raise OneClassOnly(f"the patients of {side} have one class only: name others with --{side}-patients")


def check_sides(sides: Mapping[str, tuple[str, ...]], data: PatchIndex) -> None:
    """Refuse sides that share a patient or a file.

    Args:
        sides: The patients of each side, by the side's name.
        data: The patches of all sides.

    Raises:
        SplitError: A patient is unknown, or a patient or an identical file is on two sides.
        TooFewPatients: A side is empty.
    """
    known = set(data.patients.tolist())
    seen: dict[str, str] = {}
    for side, patients in sides.items():
        if not patients:
            raise TooFewPatients(f"the side {side} has no patient: bring more patients or name them")
        for patient in patients:
            if patient not in known:
                raise SplitError(f"patient {patient!r} of {side} is not in the data: known are {_some(known)}")
            if patient in seen:
                raise SplitError(f"patient {patient!r} is in {seen[patient]} and in {side}: name it once")
            seen[patient] = side
    _check_files(seen, data)


def _some(patients: Collection[str]) -> str:
    names = sorted(patients)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def has_both_classes(patients: Collection[str], data: PatchIndex) -> bool:
    return len(np.unique(data.labels[np.isin(data.patients, sorted(patients))])) == 2


def _check_files(side_of: Mapping[str, str], data: PatchIndex) -> None:
    first: dict[Any, tuple[str, str]] = {}  # the side, and the file with its patient
    rows = zip(data.patients.tolist(), data.digests.tolist(), data.names.tolist(), strict=True)
    for patient, digest, name in rows:
        side = side_of.get(patient)
        if side is None:
            continue
        what = f"{name} of patient {patient}"
        other_side, other = first.setdefault(digest, (side, what))
        if other_side != side:
            raise SplitError(f"{what} ({side}) is the same file as {other} ({other_side}): delete one")
