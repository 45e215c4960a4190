"""Patches divided by patient."""

from dataclasses import dataclass
from functools import cached_property

from idc_trainer.data.index import PatchIndex
from idc_trainer.splits.split import PatientSplit


@dataclass(frozen=True)
class DividedPatches:
    """All patches and their split; made by `choose.split_patients`, which checks it."""

    index: PatchIndex
    split: PatientSplit
    cross_fitted: bool = False
    """The validation patients are the training patients, each scored by heads that were not trained on it."""

    @cached_property
    def train(self) -> PatchIndex:
        return self.index.of(self.split.train)

    @cached_property
    def validation(self) -> PatchIndex:
        """The patches for calibration, thresholds and early stopping."""
        return self.index.of(self.split.validation)

    @cached_property
    def test(self) -> PatchIndex:
        return self.index.of(self.split.test)

    @cached_property
    def fitted(self) -> PatchIndex:
        """The patches of training and validation."""
        return self.index.of({*self.split.train, *self.split.validation})

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """The patients on no side."""
        sided = {*self.split.train, *self.split.validation, *self.split.test}
        return tuple(sorted(set(self.index.patients.tolist()) - sided))
