"""Makes a checked split from a request."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import OneClassOnly, SplitError
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.folds import k_folds
from idc_trainer.splits.split import (
    PatientSplit,
    check_sides,
    check_split,
    choose_split,
    official_split,
    read_split_file,
)

_LOG = logging.getLogger(__name__)

_FOLD: Final = re.compile(r"fold:(\d{1,4})/(\d{1,4})", re.ASCII)
_LEAVE_OUT: Final = "leave-out:"


@dataclass(frozen=True)
class SplitRequest:
    by: str = "random"
    """`random`, `official` (the published lists), `fold:I/K` (the I-th of K grouped folds is the test side),
    `leave-out:PATIENT` (that patient is the test side), or the path of a JSON file with three lists."""
    test_patients: tuple[str, ...] = ()
    validation_patients: tuple[str, ...] = ()
    """Named here or by a list, they are for calibration and thresholds; else these are cross-fitted."""
    seed: int = 0

    @property
    def names_validation(self) -> bool:
        """Whether the request, or the list that it names, says which patients are for validation."""
        drawn = self.by == "random" or _FOLD.fullmatch(self.by) or self.by.startswith(_LEAVE_OUT)
        return bool(self.validation_patients) or not drawn


def split_patients(request: SplitRequest, index: PatchIndex) -> DividedPatches:
    """Divide the patients of an index; patients on no side are logged.

    Raises:
        SplitError: The request has no meaning, or a patient or an identical file is on two sides.
        TooFewPatients, OneClassOnly: The sides cannot be filled.
    """
    patches = _checked(request, _divide(request, index), index)
    if aside := patches.left_out:
        count = len(index.of(aside))
        _LOG.warning("Patients on no side of the split: %d, with %d patches: %s", len(aside), count, ", ".join(aside))
    return patches


def _checked(request: SplitRequest, split: PatientSplit, index: PatchIndex) -> DividedPatches:
    if request.names_validation:
        check_split(split, index)
        return DividedPatches(index, split)
    learning = tuple(sorted({*split.train, *split.validation}))
    check_sides({"train": learning, "test": split.test}, index)
    if len(set(index.of(learning).labels.tolist())) < 2:
        raise OneClassOnly("the training patients have one class only: name other test patients")
    return DividedPatches(index, PatientSplit(learning, learning, split.test), cross_fitted=True)


def _divide(request: SplitRequest, index: PatchIndex) -> PatientSplit:
    classes, test = index.classes_of(), request.test_patients
    if request.by == "official":
        return official_split(classes)
    if fold := _FOLD.fullmatch(request.by):
        number, count = int(fold[1]), int(fold[2])
        if not 1 <= number <= count:
            raise SplitError(f"there is no fold {number} of {count}: number folds from 1")
        test = k_folds(classes, count, request.seed)[number - 1]
    elif request.by.startswith(_LEAVE_OUT):
        test = (request.by.removeprefix(_LEAVE_OUT),)
    elif request.by != "random":
        return read_split_file(Path(request.by))
    return choose_split(classes, request.seed, test, request.validation_patients)
