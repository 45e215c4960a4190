"""How one member of the classifier is trained: heads on cached features, or the network with its heads."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.folding import served
from idc_trainer.data.index import PatchIndex
from idc_trainer.features.store import FeatureStore
from idc_trainer.learning.batches import PATCH_SHAPE, PatchBatches, as_dataset
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.learning.fitting import fit, fitting_precision
from idc_trainer.learning.frozen import FeatureBatches, artefacts_of
from idc_trainer.learning.heads import Heads
from idc_trainer.learning.network import build_on_features, build_trainable, read_heads, set_trained_layers
from idc_trainer.progress import Progress
from idc_trainer.workflows.preparation import Source, all_features, feature_extractor, read_backbone


@dataclass(frozen=True)
class Fitted:
    """A network that has learnt and is not calibrated."""

    backbone: BuiltBackbone
    heads: Heads
    epochs: tuple[Epoch, ...]


class Fitting(Protocol):
    """Fits one member to its training patients; `number` tells it from the others."""

    def __call__(self, number: int, train: PatchIndex) -> Fitted: ...


@dataclass(frozen=True)
class WholeNetwork:
    """Trains the backbone, or its last stages, with its heads."""

    source: Source
    folder: Path
    """Of checkpoints and logs."""
    progress: Progress

    def __call__(self, number: int, train: PatchIndex) -> Fitted:
        recipe, folder = self.source.recipe, self.folder / f"network-{number + 1}"
        with fitting_precision():
            trainable = read_backbone(self.source)
            set_trained_layers(trainable, recipe.train_from)
            model = build_trainable(trainable, recipe.schedule, recipe.seed + number)
            make = PatchBatches(train, recipe, number).make
            epochs = fit(
                model,
                lambda steps: as_dataset(make, steps, PATCH_SHAPE, np.uint8),
                recipe.schedule.steps,
                Checkpoint(folder),
                folder / "tensorboard",
                _named(self.progress, number, recipe.networks),
            )
        backbone = read_backbone(self.source)  # in float32, whatever the training's precision was
        backbone.model.set_weights(trainable.model.get_weights())
        return Fitted(served(replace(backbone, fine_tuned_from=recipe.train_from)), read_heads(model), epochs)


@dataclass(frozen=True)
class HeadsOnFeatures:
    """Trains heads on the cached features of a frozen backbone, and of artefacts that are made once."""

    source: Source
    folder: Path
    """Of checkpoints and logs."""
    everything: PatchIndex
    """The patches of all members, whose features are computed once."""
    progress: Progress

    def __call__(self, number: int, train: PatchIndex) -> Fitted:
        recipe, folder = self.source.recipe, self.folder / f"heads-{number + 1}"
        batches = FeatureBatches(train, recipe, number, self._stores, *self._artefacts)
        model = build_on_features(*batches.moments(), recipe.schedule, recipe.seed + number)
        width = sum(self._backbone.stage_widths)
        epochs = fit(
            model,
            lambda steps: as_dataset(batches.make, steps, (width,), np.float32),
            recipe.schedule.steps,
            Checkpoint(folder),
            folder / "tensorboard",
            _named(self.progress, number, recipe.networks),
        )
        return Fitted(self._backbone, read_heads(model), epochs)

    @cached_property
    def _backbone(self) -> BuiltBackbone:
        return served(read_backbone(self.source))

    @cached_property
    def _stores(self) -> tuple[FeatureStore, ...]:
        return all_features(self._backbone, self.everything, self.source, self.progress)

    @cached_property
    def _artefacts(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        patches, qualities = artefacts_of(self.everything, self.source.recipe.seed)
        return feature_extractor(self._backbone).run(patches), qualities


def _named(progress: Progress, number: int, networks: int) -> Progress:
    return lambda step, done, total: progress(f"{step} network {number + 1} of {networks}", done, total)
