"""Divides the patients into folds, each of which is held out once."""

import numpy as np

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import OneClassOnly, SplitError, TooFewPatients
from idc_trainer.splits.split import Classes, check_sides, has_both_classes

Folds = tuple[tuple[str, ...], ...]
"""The patients of each fold, sorted."""

_KINDS = (frozenset({False, True}), frozenset({False}), frozenset({True}))


def leave_one_patient_out(classes: Classes) -> Folds:
    """Each patient by itself. Raises `TooFewPatients` if there is no other to train on."""
    if len(classes) < 2:
        raise TooFewPatients(f"{len(classes)} patients are too few to hold one out: bring at least 2")
    return tuple((patient,) for patient in sorted(classes))


def k_folds(classes: Classes, k: int, seed: int) -> Folds:
    """Divide the patients into k folds at random, the same way for the same seed.

    Folds differ by at most one in their numbers of patients, and in those of each kind (both classes, only negative,
    only positive).

    Raises:
        SplitError: `k` is below 2.
        TooFewPatients: There are fewer patients than folds.
    """
    if k < 2:
        raise SplitError(f"{k} folds leave nothing to train on: take at least 2")
    if len(classes) < k:
        raise TooFewPatients(f"{len(classes)} patients are too few for {k} folds: take fewer folds")
    rng = np.random.default_rng(seed)
    kinds = [sorted(patient for patient in classes if classes[patient] == kind) for kind in _KINDS]
    order = [patient for patients in kinds for patient in rng.permutation(patients).tolist()]
    return tuple(tuple(sorted(order[fold::k])) for fold in range(k))


def check_folds(folds: Folds, data: PatchIndex) -> None:
    """Refuse folds that share a patient or a file, in one pass over the data.

    Raises:
        SplitError: A patient is unknown, in no fold or in two, or an identical file is in two folds.
        OneClassOnly: The patients outside a fold have one class only.
        TooFewPatients: A fold is empty, or there is only one.
    """
    if len(folds) < 2:
        raise TooFewPatients("one fold leaves no patient to train on: take at least 2")
    check_sides({f"fold {number}": fold for number, fold in enumerate(folds, start=1)}, data)
    everyone = set(data.patients.tolist())
    missing = everyone.difference(*folds)
    if missing:
        raise SplitError(f"patient {min(missing)!r} is in no fold: hold each patient out once")
    for fold in folds:
        if not has_both_classes(everyone - set(fold), data):
            raise OneClassOnly(
                f"without {', '.join(fold)} the patients have one class only: bring more patients of the other class"
            )
