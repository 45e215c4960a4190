"""Fine-tuning of the last stages of the backbone; a killed run resumes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.data.decoding import decoded_ahead, ranges
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import WrongSetting
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.features.variants import Jittered
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.learning.classifier import build_feature_model
from idc_trainer.learning.head import LinearHead
from idc_trainer.learning.recipe import FineTuning, Recipe
from idc_trainer.learning.sampling import balanced_rows
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches

_VALIDATION_BATCH: Final = 64

OnEpoch = Callable[[Epoch, NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]], None]
"""Called with each epoch, some validation patches, their P(IDC) and their labels."""


def fine_tune(
    backbone: BuiltBackbone,
    head: LinearHead,
    patches: DividedPatches,
    recipe: Recipe,
    checkpoint: Checkpoint,
    progress: Progress,
    on_epoch: OnEpoch,
) -> tuple[Epoch, ...]:
    """Train the last stages; `backbone.model` then has the weights of the best epoch.

    Batches are balanced by class and patient and augmented; the loss is the cross-entropy with smoothed labels, the
    optimiser Adam (Kingma & Ba 2015). The best epoch has the highest mean within-patient AUC of the validation
    patients; training ends after `patience` epochs without a better one. With a GPU, mixed precision is used
    (Micikevicius et al. 2018).

    Args:
        backbone: The pretrained network; its weights are changed.
        head: The initial head, without calibration.
        patches: Training and validation patients.
        recipe: Its `fine_tuning` must be set.
        checkpoint: Saves each epoch; a killed run resumes after its last complete epoch.
        progress: Called after each step.
        on_epoch: Called after each epoch that is trained now.

    Returns:
        All epochs, those of a killed run included.

    Raises:
        WrongSetting: The backbone has no such stage in use.
        OutputUnwritable, OutputFull: An epoch cannot be saved.
        CacheDamaged: The checkpoint cannot be read.
    """
    settings = recipe.fine_tuning or FineTuning()
    _unfreeze(backbone, settings.from_stage)
    model = _build(backbone, head, recipe, settings)
    epochs = checkpoint.restore(model)
    while not _is_over(epochs, settings):
        number = len(epochs) + 1
        losses = _train(model, patches.train, recipe, settings, number, progress)
        found = _validate(model, patches.validation)
        value = mean_patient_auc(found, patches.validation.labels, patches.validation.patients)
        epoch = Epoch(number, *losses, value, float(model.optimizer.learning_rate))
        epochs = checkpoint.save(model, epochs, epoch)
        on_epoch(epoch, *_samples(patches.validation, found))
    checkpoint.restore_best(model)
    return epochs


def check_stage(backbone: BuiltBackbone, from_stage: str | None) -> None:
    """Raise `WrongSetting` unless `from_stage` and an earlier stage are in use."""
    possible = backbone.stages[1:]
    if from_stage is not None and from_stage not in possible:
        remedy = f"choose one of {', '.join(possible)}" if possible else "also use earlier --stages"
        raise WrongSetting(f"cannot fine-tune from {from_stage!r}: {remedy}")


def _is_over(epochs: tuple[Epoch, ...], settings: FineTuning) -> bool:
    if len(epochs) >= settings.epochs:
        return True
    best = max(epochs, key=lambda epoch: epoch.validation_auc, default=None)
    return best is not None and len(epochs) - best.number >= settings.patience


def _unfreeze(backbone: BuiltBackbone, from_stage: str | None) -> None:
    """Make the layers after the stage before `from_stage` trainable; batch normalisation keeps its statistics."""
    check_stage(backbone, from_stage)
    stages = backbone.stages
    last_frozen = stages[(stages.index(from_stage) if from_stage else len(stages) - 1) - 1] if len(stages) > 1 else None
    maps = dict(zip(stages, backbone.model.outputs, strict=True))
    layers = backbone.model.layers
    boundary = layers.index(maps[last_frozen]._keras_history.operation) if last_frozen else 0
    for number, layer in enumerate(layers):
        layer.trainable = number > boundary and not isinstance(layer, keras.layers.BatchNormalization)


def _build(backbone: BuiltBackbone, head: LinearHead, recipe: Recipe, settings: FineTuning) -> keras.Model:
    features = build_feature_model(backbone)
    dense = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="head")
    model = keras.Model(features.input, dense(features.output), name="fine_tuning")
    dense.set_weights([head.weight[:, None], np.array([head.bias], np.float32)])
    steps = settings.epochs * settings.steps_per_epoch
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps))
    loss = keras.losses.BinaryCrossentropy(label_smoothing=recipe.head.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)  # with float16, Keras has wrapped it in a loss scale
    return model


def _train(
    model: keras.Model, index: PatchIndex, recipe: Recipe, settings: FineTuning, number: int, progress: Progress
) -> tuple[float, float]:
    """Train one epoch; returns mean loss and accuracy."""
    model.reset_metrics()
    found: dict[str, Any] = {}
    for step, (patches, labels) in enumerate(_batches(index, recipe, settings, number), start=1):
        found = model.train_on_batch(patches, labels, return_dict=True)
        progress(f"fine-tuning, epoch {number} of at most {settings.epochs}", step, settings.steps_per_epoch)
    return float(found["loss"]), float(found["accuracy"])


def _batches(
    index: PatchIndex, recipe: Recipe, settings: FineTuning, number: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """The batches of one epoch, the same for the same seed; the next is decoded while one is trained on."""
    rng = np.random.default_rng([recipe.seed, number])
    rows = balanced_rows(index.labels, index.patients, settings.batch * settings.steps_per_epoch, rng)
    stain = recipe.stain

    def see(place: int) -> NDArray[np.uint8]:
        variant = Jittered(recipe.seed, number * len(rows) + place, stain.strength, stain.shift)
        return variant.apply(index.decode(int(rows[place])), bytes(index.digests[rows[place]]))

    blocks = ranges(len(rows), settings.batch)
    for block, patches in zip(blocks, decoded_ahead(blocks, see), strict=True):
        yield patches, index.labels[rows[block.start : block.stop], None].astype(np.float32)


def _validate(model: keras.Model, index: PatchIndex) -> NDArray[np.float32]:
    blocks = decoded_ahead(ranges(len(index), _VALIDATION_BATCH), index.decode)
    return np.concatenate([np.asarray(model(patches, training=False))[:, 0] for patches in blocks])


def _samples(
    index: PatchIndex, probability: NDArray[np.float32], count: int = 8
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    rows = np.linspace(0, len(index) - 1, min(count, len(index))).astype(int)
    return np.stack([index.decode(int(row)) for row in rows]), probability[rows], index.labels[rows]


@contextmanager
def fitting_precision() -> Iterator[None]:
    """Mixed float16 precision, if TensorFlow finds a GPU, for the layers that are created in the block."""
    before = keras.config.dtype_policy()
    if tf.config.list_physical_devices("GPU"):
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
