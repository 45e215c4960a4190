"""EfficientNet-Lite0 as plain numbers, ready to be built in any framework.

The network is MobileNetV2's inverted bottleneck with EfficientNet-B0's sizes (Tan & Le 2019), without squeeze and
excitation and with ReLU6 for swish (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
Batch normalisation is folded into the convolution before it: at inference both are one linear map, and a folded
network is exported exactly as it was trained. The folded numbers are rounded to float16 at once, so that the FP16
graph that is served computes the very features that the head was trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_BATCH_NORM_EPSILON: Final = 1e-3

# Repeats, kernel side, stride, expansion, output channels of each stage.
_STAGES: Final = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112))
_DEPTH: Final = {"stride8": 5, "stride16": 11}

STAGES: Final = tuple(_DEPTH)
"""The stages whose pooled outputs can feed a head: 40 channels at stride 8, 112 at stride 16."""

PIXEL_MEAN: Final = 127.0
PIXEL_SCALE: Final = 128.0
"""What the weights were trained with: (pixel - mean) / scale, RGB, pixels 0-255 (MEAN_RGB and STDDEV_RGB of the Lite
builder in the source above)."""


@dataclass(frozen=True)
class Convolution:
    """One convolution with batch normalisation folded in; padding is TensorFlow's SAME."""

    name: str
    kernel: NDArray[np.float32]
    """(height, width, in, out); depthwise: (height, width, channels, 1)."""
    bias: NDArray[np.float32]
    stride: int
    depthwise: bool
    relu6: bool


@dataclass(frozen=True)
class Block:
    """Convolutions in a row; with a shortcut, the block's input is added to its output."""

    convolutions: tuple[Convolution, ...]
    shortcut: bool
    tap: str | None
    """The stage that ends with this block, where the head reads it."""


@dataclass(frozen=True)
class BackboneGraph:
    """The blocks from the pixels to the last stage that the head reads."""

    blocks: tuple[Block, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that are read, in the order of the pooled features."""
        return tuple(block.tap for block in self.blocks if block.tap)

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """The number of pooled features of each stage that is read, in the same order."""
        return tuple(block.convolutions[-1].bias.size for block in self.blocks if block.tap)


def build_backbone(weights: Mapping[str, NDArray[Any]], stages: tuple[str, ...] = STAGES) -> BackboneGraph:
    """Fold the weights and cut the network after the last of `stages`.

    Args:
        weights: Tensors as `weights.read_weights` returns them.
        stages: The stages that the head reads, of STAGES.

    Raises:
        KeyError: A stage or a tensor has an unknown name.
    """
    ends = {_DEPTH[stage]: stage for stage in stages}
    stem = _fold(weights, "_conv_stem", "_bn0", stride=2, relu6=True)
    blocks = [Block((stem,), shortcut=False, tap=None)]
    for index, (stride, expand, shortcut) in enumerate(_block_shapes()[: max(ends)]):
        convolutions = _block_convolutions(weights, f"_blocks.{index}.", stride, expand=expand)
        blocks.append(Block(convolutions, shortcut, ends.get(index + 1)))
    return BackboneGraph(tuple(blocks))


def _block_shapes() -> list[tuple[int, bool, bool]]:
    """Stride, whether the block expands, and whether it has a shortcut, of each block in order."""
    return [
        (stride if repeat == 0 else 1, expansion != 1, repeat > 0)
        for repeats, _, stride, expansion, _ in _STAGES
        for repeat in range(repeats)
    ]


def _block_convolutions(
    weights: Mapping[str, NDArray[Any]], prefix: str, stride: int, *, expand: bool
) -> tuple[Convolution, ...]:
    expansion = (_fold(weights, prefix + "_expand_conv", prefix + "_bn0", relu6=True),) if expand else ()
    depthwise = _fold(weights, prefix + "_depthwise_conv", prefix + "_bn1", stride=stride, relu6=True)
    projection = _fold(weights, prefix + "_project_conv", prefix + "_bn2", relu6=False)
    return (*expansion, depthwise, projection)


def _fold(
    weights: Mapping[str, NDArray[Any]], convolution: str, batch_norm: str, *, stride: int = 1, relu6: bool
) -> Convolution:
    gain = weights[batch_norm + ".weight"] / np.sqrt(weights[batch_norm + ".running_var"] + _BATCH_NORM_EPSILON)
    bias = weights[batch_norm + ".bias"] - weights[batch_norm + ".running_mean"] * gain
    depthwise = convolution.endswith("_depthwise_conv")
    kernel = weights[convolution + ".weight"] * gain[:, None, None, None]
    kernel = kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    name = convolution.replace(".", "_").strip("_")
    return Convolution(name, round_to_float16(kernel), round_to_float16(bias), stride, depthwise, relu6)


def round_to_float16(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """The nearest numbers that float16 can hold, as contiguous float32."""
    return np.ascontiguousarray(values.astype(np.float16).astype(np.float32))
