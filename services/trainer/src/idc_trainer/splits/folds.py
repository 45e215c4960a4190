"""Divides the patients into folds, each of which is held out once while the others train."""

import numpy as np

from idc_trainer.errors import OneClassOnly, SplitError, TooFewPatients
from idc_trainer.splits.split import Classes, OwnedPatches, check_sides, has_both_classes

Folds = tuple[tuple[str, ...], ...]
"""The patients that are held out together, sorted, one tuple for each fold."""

_KINDS = (frozenset({False, True}), frozenset({False}), frozenset({True}))


def leave_one_patient_out(classes: Classes) -> Folds:
    """Each patient alone, in order.

    Raises:
        TooFewPatients: There is no other patient to train on.
    """
    if len(classes) < 2:
        raise TooFewPatients(f"{len(classes)} patients are too few to hold one out: bring at least 2")
    return tuple((patient,) for patient in sorted(classes))


def k_folds(classes: Classes, k: int, seed: int) -> Folds:
    """Deal the patients out to k folds at random but the same way for the same seed.

    Patients of each kind (both classes, only negative, only positive) spread as evenly as they can: their numbers in
    two folds differ by at most one, as do the numbers of all patients.

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


def check_fold(held_out: tuple[str, ...], data: OwnedPatches) -> None:
    """Refuse a fold that shares something with the patients it is held out from: all others of the data.

    Raises:
        SplitError: A patient is unknown or named twice, or an identical file lies on both sides.
        OneClassOnly: The others have one class only.
        TooFewPatients: There are no others, or no one is held out.
    """
    others = tuple(sorted(set(data.patients.tolist()) - set(held_out)))
    check_sides({"training": others, "the held-out fold": held_out}, data)
    _check_training(others, held_out, data)


def check_folds(folds: Folds, data: OwnedPatches) -> None:
    """Refuse folds of which one shares something with another, in one pass over the data.

    Raises:
        SplitError: A patient is unknown, in no fold or in two, or an identical file is in two folds.
        OneClassOnly: The patients that one fold leaves to train on have one class only.
        TooFewPatients: A fold is empty, or there is only one.
    """
    if len(folds) < 2:
        raise TooFewPatients("one fold leaves no patient to train on: take at least 2")
    check_sides({f"fold {number}": fold for number, fold in enumerate(folds, start=1)}, data)
    everyone = set(data.patients.tolist())
    forgotten = everyone.difference(*folds)
    if forgotten:
        raise SplitError(f"patient {min(forgotten)!r} is in no fold: hold each patient out once")
    for fold in folds:
        _check_training(tuple(everyone - set(fold)), fold, data)


def _check_training(others: tuple[str, ...], held_out: tuple[str, ...], data: OwnedPatches) -> None:
    if not has_both_classes(others, data):
        raise OneClassOnly(
            f"without {', '.join(held_out)} the patients have one class only: bring more patients of the other class"
        )
