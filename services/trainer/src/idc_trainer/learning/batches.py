"""Batches of augmented patches and artefacts, as a `tf.data` pipeline: the same for the same seed and step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from idc_contracts.bundle import PATCH
from idc_trainer.artefacts.kinds import Quality, any_artefact
from idc_trainer.augmentation.augment import augment
from idc_trainer.data.index import PatchIndex
from idc_trainer.learning.recipe import Recipe
from idc_trainer.learning.sampling import BalancedRows

_MAKERS: Final = 2
"""Batches that are made at the same time."""
_AHEAD: Final = 4

PATCH_SHAPE: Final = (PATCH.height_px, PATCH.width_px, 3)


@dataclass(frozen=True)
class Batch:
    """B inputs with what the network is to say of them."""

    inputs: NDArray[Any]
    """Patches, RGB, uint8, shape (B, 50, 50, 3), or their features, float32, shape (B, F)."""
    labels: NDArray[np.float32]
    """1.0 for IDC, shape (B,)."""
    are_patches: NDArray[np.float32]
    """0.0 for artefacts, which have no label, shape (B,)."""
    qualities: NDArray[np.int32]
    """See `artefacts.kinds.Quality`, shape (B,)."""


def joined(inputs: list[NDArray[Any]], labels: NDArray[np.bool_], qualities: list[int]) -> Batch:
    """A batch of patches, which have labels, followed by artefacts, which have qualities."""
    patches, artefacts = len(labels), len(qualities)
    return Batch(
        np.stack(inputs),
        np.concatenate([labels, np.zeros(artefacts)]).astype(np.float32),
        np.repeat([1.0, 0.0], [patches, artefacts]).astype(np.float32),
        np.array([int(Quality.PATCH)] * patches + qualities, np.int32),
    )


@dataclass(frozen=True)
class StepDraws:
    """Draws what the batch of a step is made from: the same for the same seed, network and step."""

    index: PatchIndex
    recipe: Recipe
    stream: int
    """Tells the batches of one network from those of another with the same seed."""

    @cached_property
    def _rows(self) -> BalancedRows:
        return BalancedRows(self.index.labels, self.index.patients)

    def at(self, step: int) -> tuple[NDArray[np.intp], np.random.Generator]:
        """The rows of the patches, and the source of randomness for all else."""
        schedule = self.recipe.schedule
        rng = np.random.default_rng([self.recipe.seed, self.stream, step])
        return self._rows.draw(schedule.batch - schedule.artefacts, rng), rng


@dataclass(frozen=True)
class PatchBatches(StepDraws):
    """Makes batches of patches, which are decoded when they are made: a data set need not fit in memory."""

    def make(self, step: int) -> Batch:
        """The batch of a step. Raises `DataUnreadable` if a file was changed since it was indexed."""
        schedule, (rows, rng) = self.recipe.schedule, self.at(step)
        patches = [self.index.decode(int(row)) for row in rows]
        augmented = [augment(patch, self.recipe.augmentation, rng) for patch in patches]
        artefacts = [any_artefact(patches[int(rng.integers(len(patches)))], rng) for _ in range(schedule.artefacts)]
        return joined(
            augmented + [patch for patch, _ in artefacts],
            self.index.labels[rows],
            [int(quality) for _, quality in artefacts],
        )


def as_dataset(make: Callable[[int], Batch], steps: range, shape: tuple[int, ...], dtype: Any) -> tf.data.Dataset:
    """The batches of some steps for `keras.Model.fit`, made ahead of their use.

    Args:
        make: Makes the batch of a step; several threads call it.
        steps: Their numbers.
        shape: Of one input.
        dtype: Of the inputs.

    Returns:
        (inputs, {"idc": labels [B, 1], "quality": qualities [B]}, {"idc": are_patches [B], "quality": ones [B]}).
    """

    def made(step: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        batch = make(int(step))
        return batch.inputs, batch.labels, batch.are_patches, batch.qualities

    def to_tensors(step: Any) -> Any:
        inputs, labels, are_patches, qualities = tf.numpy_function(
            made, [step], [dtype, tf.float32, tf.float32, tf.int32]
        )
        inputs.set_shape((None, *shape))
        for tensor in (labels, are_patches, qualities):
            tensor.set_shape((None,))
        return (
            inputs,
            {"idc": labels[:, None], "quality": qualities},
            {"idc": are_patches, "quality": tf.ones_like(are_patches)},
        )

    numbers = tf.data.Dataset.range(steps.start, steps.stop)
    return numbers.map(to_tensors, num_parallel_calls=_MAKERS, deterministic=True).prefetch(_AHEAD)
