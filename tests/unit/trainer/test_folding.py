"""A network without batch normalisation computes the same, in numbers that float16 holds."""

import keras
import numpy as np
import pytest

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.folding import served
from idc_trainer.backbones.registry import build_backbone


def _scrambled(model: keras.Model) -> keras.Model:
    """Give every batch normalisation statistics of its own."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    return model


def _made(*, scale: bool, bias: bool) -> BuiltBackbone:
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=bias, bias_initializer="random_normal", name="c")(pixels)
    x = keras.layers.BatchNormalization(scale=scale, name="c_norm")(x)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False, name="d")(keras.layers.ReLU()(x))
    x = keras.layers.BatchNormalization(name="d_norm")(x)
    alone = keras.layers.BatchNormalization(name="alone")(keras.layers.ReLU()(x))
    return BuiltBackbone("made", ("one",), 8, _scrambled(keras.Model(pixels, [alone])), "none", "0" * 64)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_a_folded_network_computes_the_same(scale: bool, bias: bool) -> None:
    backbone = _made(scale=scale, bias=bias)
    pixels = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)

    folded = served(backbone).model

    before, after = (np.asarray(model(pixels, training=False)) for model in (backbone.model, folded))
    np.testing.assert_allclose(after, before, atol=0.01 * np.abs(before).max())
    assert [layer.name for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)] == ["alone"]


def test_a_served_efficientnet_computes_the_same_in_float16_numbers() -> None:
    backbone = build_backbone("efficientnet_lite0", 32, ("stage3", "stage5"), None)
    pixels = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)

    folded = served(backbone)

    for before, after in zip(backbone.model(pixels, training=False), folded.model(pixels, training=False), strict=True):
        np.testing.assert_allclose(after, before, atol=0.02 * np.abs(before).max())
    for values in folded.model.get_weights():
        np.testing.assert_array_equal(values, values.astype(np.float16).astype(np.float32))
    assert not [layer for layer in folded.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
