"""Convolutions with known numbers as Keras layers."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


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


def apply_block(x: Any, block: Block) -> Any:
    """Add a block to a Keras graph; returns the block's output."""
    out = x
    for convolution in block.convolutions:
        out = _apply_convolution(out, convolution)
    if block.shortcut:
        out = keras.layers.Add(name=block.convolutions[-1].name + "_add")([out, x])
    return out


def _apply_convolution(x: Any, convolution: Convolution) -> Any:
    side, channels = convolution.kernel.shape[0], convolution.bias.size
    layer: Any
    if convolution.depthwise:
        layer = keras.layers.DepthwiseConv2D(side, convolution.stride, padding="same", name=convolution.name)
    else:
        layer = keras.layers.Conv2D(channels, side, convolution.stride, padding="same", name=convolution.name)
    out = layer(x)
    layer.set_weights([convolution.kernel, convolution.bias])
    return keras.layers.ReLU(6.0, name=convolution.name + "_relu6")(out) if convolution.relu6 else out
