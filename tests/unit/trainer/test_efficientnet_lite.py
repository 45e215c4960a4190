"""The port is compared with the network computed by hand from the unfolded weights."""

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.backbones.torch_weights import default_weights_path, read_weights

Weights = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return read_weights(default_weights_path())


@pytest.fixture(scope="module")
def backbone() -> BuiltBackbone:
    return build_backbone("efficientnet_lite0", 32, ("stage3", "stage4", "stage5", "stage6"), None)


def _padded(x: NDArray[np.float64], side: int, stride: int) -> NDArray[np.float64]:
    """TensorFlow's SAME: as much as the last window needs, the odd row after. x is (channels, height, width)."""
    total = max((-(-x.shape[1] // stride) - 1) * stride + side - x.shape[1], 0)
    return np.pad(x, ((0, 0), *[(total // 2, total - total // 2)] * 2))


def _convolve(x: NDArray[np.float64], kernel: NDArray[Any], stride: int) -> NDArray[np.float64]:
    """Plain convolution; kernel (out, in, height, width), in == 1 for a depthwise one."""
    padded = _padded(x, kernel.shape[2], stride)
    if kernel.shape[1] == 1:
        maps = [correlate(c, k[0], "valid") for c, k in zip(padded, kernel, strict=True)]
    else:
        maps = [correlate(padded, k, "valid")[0] for k in kernel]
    return np.stack(maps)[:, ::stride, ::stride]


def _normalise(x: NDArray[np.float64], weights: Weights, name: str) -> NDArray[np.float64]:
    mean, variance, gain, shift = (
        weights[f"{name}.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * gain + shift


def _first_two_blocks(x: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    def step(x: NDArray[np.float64], convolution: str, norm: str, stride: int, *, relu6: bool) -> NDArray[np.float64]:
        out = _normalise(_convolve(x, weights[convolution + ".weight"].astype(float), stride), weights, norm)
        return np.clip(out, 0, 6) if relu6 else out

    x = step(x, "_conv_stem", "_bn0", 2, relu6=True)
    x = step(x, "_blocks.0._depthwise_conv", "_blocks.0._bn1", 1, relu6=True)
    x = step(x, "_blocks.0._project_conv", "_blocks.0._bn2", 1, relu6=False)
    x = step(x, "_blocks.1._expand_conv", "_blocks.1._bn0", 1, relu6=True)
    x = step(x, "_blocks.1._depthwise_conv", "_blocks.1._bn1", 2, relu6=True)
    return step(x, "_blocks.1._project_conv", "_blocks.1._bn2", 1, relu6=False)


def test_the_folded_network_computes_what_the_unfolded_numbers_say(weights: Weights, backbone: BuiltBackbone) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    two_blocks = keras.Model(backbone.model.input, backbone.model.get_layer("blocks_1__project_conv").output)

    found = np.asarray(two_blocks(pixels))[0].transpose(2, 0, 1)

    expected = _first_two_blocks((pixels[0].transpose(2, 0, 1) - 127.0) / 128.0, weights)
    np.testing.assert_allclose(found, expected, atol=0.005 * np.abs(expected).max())


def test_stages_lie_at_the_strides_of_the_paper(backbone: BuiltBackbone) -> None:
    assert [int(feature_map.shape[1]) for feature_map in backbone.model.outputs] == [8, 4, 2, 2]


def test_shortcuts_stand_where_a_block_repeats(backbone: BuiltBackbone) -> None:
    added = [layer.name for layer in backbone.model.layers if isinstance(layer, keras.layers.Add)]

    assert added == [f"blocks_{number}__project_conv_add" for number in (2, 4, 6, 7, 9, 10)]


def test_every_number_of_the_folded_network_fits_float16(backbone: BuiltBackbone) -> None:
    for values in backbone.model.get_weights():
        np.testing.assert_array_equal(values, values.astype(np.float16).astype(np.float32))
        assert np.isfinite(values).all()


def test_the_folded_network_has_no_batch_normalisation_left(backbone: BuiltBackbone) -> None:
    kinds = {type(layer).__name__ for layer in backbone.model.layers}

    assert kinds == {"InputLayer", "Rescaling", "Conv2D", "DepthwiseConv2D", "ReLU", "Add"}
