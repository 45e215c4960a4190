"""The port is compared with the network computed by hand from the shipped numbers."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.efficientnet_lite0 import WEIGHTS_SHA256
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.errors import WeightsChanged

WEIGHTS_NOTE = Path(__file__).parents[3] / "services/trainer/src/idc_trainer/backbones/weights/README.md"


Layers = dict[str, tuple[NDArray[Any], NDArray[Any]]]
"""Kernel and offset of each convolution, the batch normalisation behind it folded in."""


@pytest.fixture(scope="module")
def weights(backbone: BuiltBackbone) -> Layers:
    found = {}
    for layer in backbone.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            name = layer.name.removesuffix("_bn")
            (kernel,) = backbone.model.get_layer(name).get_weights()
            scale, offset, mean, variance = layer.get_weights()
            gain = scale / np.sqrt(variance + 1e-3)
            shape = (1, 1, -1, 1) if name.endswith("depthwise_conv") else (1, 1, 1, -1)
            found[name] = (kernel * gain.reshape(shape), offset - mean * gain)
    return found


@pytest.fixture(scope="module")
def backbone() -> BuiltBackbone:
    return build_backbone("efficientnet_lite0", 32, ("stage3", "stage4", "stage5", "stage6"), None)


def _padded(x: NDArray[np.float64], side: int, stride: int) -> NDArray[np.float64]:
    """TensorFlow's SAME: as much as the last window needs, the odd row after. x is (channels, height, width)."""
    total = max((-(-x.shape[1] // stride) - 1) * stride + side - x.shape[1], 0)
    return np.pad(x, ((0, 0), *[(total // 2, total - total // 2)] * 2))


def _convolve(x: NDArray[np.float64], kernel: NDArray[Any], stride: int) -> NDArray[np.float64]:
    """Plain convolution of (channels, height, width); a kernel of (height, width, channels, 1) is depthwise."""
    padded = _padded(x, kernel.shape[0], stride)
    kernel = kernel.astype(float)
    if kernel.shape[3] == 1:
        maps = [correlate(c, kernel[..., n, 0], "valid") for n, c in enumerate(padded)]
    else:
        maps = [correlate(padded, k.transpose(2, 0, 1), "valid")[0] for k in np.moveaxis(kernel, 3, 0)]
    return np.stack(maps)[:, ::stride, ::stride]


def _first_two_blocks(x: NDArray[np.float64], weights: Layers) -> NDArray[np.float64]:
    def step(x: NDArray[np.float64], layer: str, stride: int, *, relu6: bool) -> NDArray[np.float64]:
        out = _convolve(x, weights[layer][0], stride) + weights[layer][1].astype(float)[:, None, None]
        return np.clip(out, 0, 6) if relu6 else out

    x = step(x, "conv_stem", 2, relu6=True)
    x = step(x, "blocks_0__depthwise_conv", 1, relu6=True)
    x = step(x, "blocks_0__project_conv", 1, relu6=False)
    x = step(x, "blocks_1__expand_conv", 1, relu6=True)
    x = step(x, "blocks_1__depthwise_conv", 2, relu6=True)
    return step(x, "blocks_1__project_conv", 1, relu6=False)


def test_the_network_computes_what_the_shipped_numbers_say(weights: Layers, backbone: BuiltBackbone) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    two_blocks = keras.Model(backbone.model.input, backbone.model.get_layer("blocks_1__project_conv_bn").output)

    found = np.asarray(two_blocks(pixels, training=False))[0].transpose(2, 0, 1)

    expected = _first_two_blocks((pixels[0].transpose(2, 0, 1) - 127.0) / 128.0, weights)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_stages_lie_at_the_strides_of_the_paper(backbone: BuiltBackbone) -> None:
    assert [int(feature_map.shape[1]) for feature_map in backbone.model.outputs] == [8, 4, 2, 2]


def test_shortcuts_stand_where_a_block_repeats(backbone: BuiltBackbone) -> None:
    added = [layer.name for layer in backbone.model.layers if isinstance(layer, keras.layers.Add)]

    assert added == [f"blocks_{number}__project_conv_add" for number in (2, 4, 6, 7, 9, 10)]


def test_every_number_of_the_network_fits_float16(backbone: BuiltBackbone) -> None:
    for values in backbone.model.get_weights():
        np.testing.assert_array_equal(values, values.astype(np.float16).astype(np.float32))
        assert np.isfinite(values).all()


def test_the_note_beside_the_weights_names_their_digest() -> None:
    assert f"`{WEIGHTS_SHA256}`; the trainer refuses another file" in WEIGHTS_NOTE.read_text(encoding="utf-8")


def test_a_file_with_another_digest_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_bytes(b"not an archive")

    with pytest.raises(WeightsChanged, match=f"expected {WEIGHTS_SHA256}"):
        build_backbone("efficientnet_lite0", 32, ("stage3",), tmp_path / "w.h5")
