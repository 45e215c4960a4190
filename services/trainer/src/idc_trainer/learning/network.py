"""The Keras models around a backbone: the one that is trained, its pooled features, and heads on cached features."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import PATCH
from idc_trainer.artefacts.kinds import Quality
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.errors import WrongSetting
from idc_trainer.learning.heads import Heads
from idc_trainer.learning.recipe import ALL, NONE, Schedule


def build_trainable(backbone: BuiltBackbone, schedule: Schedule, seed: int) -> keras.Model:
    """Put new heads on a backbone; `seed` is that of their first weights and of dropout.

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to logits `idc` [N, 1] and `quality` [N, 4], compiled.
    """
    patch = patch_input()
    outputs = _heads(pooled_features(resized(patch, backbone.input_px), backbone), schedule.dropout, seed)
    return _compiled(keras.Model(patch, outputs, name="trainable"), schedule)


def build_feature_model(backbone: BuiltBackbone) -> keras.Model:
    """Build the model of pooled features.

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to `features`, float32 [N, sum(backbone.stage_widths)]:
        the global average of each stage. The graph resizes a patch to the backbone's side (bilinear).
    """
    patch = patch_input()
    features = pooled_features(resized(patch, backbone.input_px), backbone)
    named = keras.layers.Identity(name="features")(features)
    return keras.Model(patch, {"features": named}, name="features")


def build_on_features(
    mean: NDArray[np.floating], variance: NDArray[np.floating], schedule: Schedule, seed: int
) -> keras.Model:
    """Build heads on features of shape [N, F], standardised by their mean and variance, shape (F,) each; compiled."""
    features = keras.Input(mean.shape, name="cached_features")
    scaled = keras.layers.Normalization(mean=mean, variance=variance, name="standardised")(features)
    return _compiled(keras.Model(features, _heads(scaled, schedule.dropout, seed), name="on_features"), schedule)


def read_heads(model: keras.Model) -> Heads:
    """The heads of a trained model, for features that are not standardised, rounded to what an FP16 graph keeps."""
    idc, idc_bias = model.get_layer("idc").get_weights()
    quality, quality_bias = model.get_layer("quality").get_weights()
    standardised = next((layer for layer in model.layers if layer.name == "standardised"), None)
    if standardised is not None:
        mean = np.asarray(standardised.mean).reshape(-1)
        deviation = np.maximum(np.sqrt(np.asarray(standardised.variance).reshape(-1)), keras.config.epsilon())
        idc, quality = idc / deviation[:, None], quality / deviation[:, None]
        idc_bias, quality_bias = idc_bias - mean @ idc, quality_bias - mean @ quality
    return Heads(idc, idc_bias, quality, quality_bias)


def set_trained_layers(backbone: BuiltBackbone, train_from: str) -> None:
    """Let a backbone learn from a stage on; batch normalisation keeps its statistics, scales and offsets.

    Args:
        backbone: Its layers are changed.
        train_from: A stage in use other than the first, `all` or `none`.

    Raises:
        WrongSetting: The backbone has no such stage in use.
    """
    check_stage(backbone, train_from)
    layers = backbone.model.layers
    first = 0
    if train_from == NONE:
        first = len(layers)
    elif train_from != ALL:
        before = backbone.stages.index(train_from) - 1
        first = layers.index(backbone.model.outputs[before]._keras_history.operation) + 1
    for number, layer in enumerate(layers):
        layer.trainable = number >= first and not isinstance(layer, keras.layers.BatchNormalization)


def check_stage(backbone: BuiltBackbone, train_from: str) -> None:
    """Raise `WrongSetting` unless training can begin there."""
    possible = (ALL, NONE, *backbone.stages[1:])
    if train_from not in possible:
        raise WrongSetting(f"cannot train {backbone.name} from {train_from!r}: choose one of {', '.join(possible)}")


def patch_input() -> Any:
    """The input of every graph: uint8 [N, 50, 50, 3] RGB."""
    return keras.Input((PATCH.height_px, PATCH.width_px, 3), dtype=PATCH.dtype, name="patch")


def resized(patch: Any, input_px: int) -> Any:
    """A batch of patches at a backbone's side."""
    x = keras.layers.Rescaling(1.0, name="to_float")(patch)
    return keras.layers.Resizing(input_px, input_px, interpolation="bilinear", name="resize")(x)


def pooled_features(pixels: Any, backbone: BuiltBackbone) -> Any:
    """The concatenated global averages of a backbone's stages, of a tensor of pixels at the backbone's side."""
    maps = backbone.model(pixels)
    maps = maps if isinstance(maps, list) else [maps]
    pooled = [keras.layers.GlobalAveragePooling2D()(one) for one in maps]
    return keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]


def _heads(features: Any, dropout: float, seed: int) -> dict[str, Any]:
    kept = keras.layers.Dropout(dropout, seed=seed)(features)
    return {name: _dense(kept, width, name, seed) for name, width in (("idc", 1), ("quality", len(Quality)))}


def _dense(features: Any, width: int, name: str, seed: int) -> Any:
    first = keras.initializers.GlorotUniform(seed)
    return keras.layers.Dense(width, kernel_initializer=first, dtype="float32", name=name)(features)


def _compiled(model: keras.Model, schedule: Schedule) -> keras.Model:
    warmup = min(schedule.warmup_steps, schedule.steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 50, schedule.steps - warmup, warmup_target=schedule.learning_rate, warmup_steps=warmup
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay),
        {
            "idc": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=schedule.label_smoothing),
            "quality": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        {"idc": 1.0, "quality": schedule.artefact_loss},
    )
    model.optimizer.build(model.trainable_variables)  # with float16, Keras has wrapped it in a loss scale
    return model
