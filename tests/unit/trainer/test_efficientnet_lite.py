"""The port is compared with the network computed by hand from the unfolded weights."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate

from idc_trainer.backbones.efficientnet_lite0 import BackboneGraph, Convolution, build_backbone
from idc_trainer.backbones.torch_weights import default_weights_path, read_weights

Weights = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return read_weights(default_weights_path())


@pytest.fixture(scope="module")
def backbone(weights: Weights) -> BackboneGraph:
    return build_backbone(weights)


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


def _folded(x: NDArray[np.float64], convolution: Convolution) -> NDArray[np.float64]:
    order = (2, 3, 0, 1) if convolution.depthwise else (3, 2, 0, 1)
    kernel = convolution.kernel.transpose(order).astype(float)
    out = _convolve(x, kernel, convolution.stride) + convolution.bias[:, None, None]
    return np.clip(out, 0, 6) if convolution.relu6 else out


def test_folded_blocks_compute_what_the_unfolded_ones_do(weights: Weights, backbone: BackboneGraph) -> None:
    x = np.random.default_rng(0).normal(size=(3, 20, 20))

    folded = x
    for block in backbone.blocks[:3]:
        for convolution in block.convolutions:
            folded = _folded(folded, convolution)

    expected = _first_two_blocks(x, weights)
    np.testing.assert_allclose(folded, expected, atol=0.005 * np.abs(expected).max())


def test_the_head_reads_40_channels_at_stride_8_and_112_at_stride_16(backbone: BackboneGraph) -> None:
    assert backbone.stages == ("stride8", "stride16")
    assert backbone.stage_widths == (40, 112)
    strides = np.cumprod([c.stride for block in backbone.blocks for c in block.convolutions])
    assert strides[-1] == 16


def test_a_backbone_of_one_stage_ends_there(weights: Weights) -> None:
    backbone = build_backbone(weights, ("stride8",))

    assert backbone.stage_widths == (40,)
    assert backbone.blocks[-1].tap == "stride8"


def test_shortcuts_stand_where_a_block_repeats(backbone: BackboneGraph) -> None:
    assert [index for index, block in enumerate(backbone.blocks) if block.shortcut] == [3, 5, 7, 8, 10, 11]


def test_every_number_of_the_folded_network_fits_float16(backbone: BackboneGraph) -> None:
    for block in backbone.blocks:
        for convolution in block.convolutions:
            for values in (convolution.kernel, convolution.bias):
                np.testing.assert_array_equal(values, values.astype(np.float16).astype(np.float32))
                assert np.isfinite(values).all()


def test_an_unknown_stage_is_refused(weights: Weights) -> None:
    with pytest.raises(KeyError):
        build_backbone(weights, ("stride4",))
