"""What each network of a training is fitted to, and what it is calibrated on."""

from dataclasses import dataclass

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import OneClassOnly
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.folds import check_folds, k_folds
from idc_trainer.splits.split import has_both_classes


@dataclass(frozen=True)
class FittingPart:
    """The patches of one network; no patient is in both."""

    train: PatchIndex
    held_out: PatchIndex
    """For calibration, familiarity and thresholds."""


def fitting_parts(patches: DividedPatches, folds: int, networks: int, seed: int) -> tuple[FittingPart, ...]:
    """Divide the training patients among networks.

    With cross-fitting, the patients are divided into folds, and each network is fitted without one fold; with as many
    networks as folds every patient is held out once. Without it there is one network, and the validation patients.

    Args:
        patches: The split.
        folds: The number of folds; fewer if a class has fewer patients.
        networks: The number of networks, at most one for each fold.
        seed: Of the folds.

    Raises:
        OneClassOnly: A network would be fitted to, or calibrated on, patients of one class only.
        SplitError: An identical file belongs to patients of two folds.
    """
    if not patches.cross_fitted:
        return (FittingPart(patches.train, patches.validation),)
    learning = patches.train
    per_class = [sum(label in found for found in learning.classes_of().values()) for label in (False, True)]
    if min(per_class) < 2:
        raise OneClassOnly("to calibrate by cross-fitting, at least 2 training patients must have each class")
    divided = k_folds(learning.classes_of(), min(folds, *per_class), seed)
    check_folds(divided, learning)
    held_out = divided[:networks]
    for fold in held_out:
        if not has_both_classes(fold, learning):
            raise OneClassOnly(f"{', '.join(fold)} have one class only: take fewer --folds or name validation patients")
    everyone = set(learning.patients.tolist())
    return tuple(FittingPart(learning.of(everyone - set(fold)), learning.of(fold)) for fold in held_out)
