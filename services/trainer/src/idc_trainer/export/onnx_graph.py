"""Writes the classifier as ONNX for the Neural Compute Stick's last OpenVINO (2021.4): batch 1, operator set 13.

The graph is built from the same folded layers as the Keras model and compared with it before a bundle is written
(see docs/decisions/0012-onnx-without-converter.md).
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from idc_trainer.backbones.efficientnet_lite0 import PIXEL_MEAN, PIXEL_SCALE, BackboneGraph, Block, Convolution
from idc_trainer.data.patches import PATCH
from idc_trainer.learning.head import LinearHead

_OPERATOR_SET: Final = 13
_IR_VERSION: Final = 7


class _GraphWriter:
    """Collects nodes and constants in order; a value is known by its tensor's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def write_onnx(backbone: BackboneGraph, input_px: int, head: LinearHead, path: Path) -> None:
    """Write the calibrated classifier with a batch of 1.

    Args:
        backbone: The folded network.
        input_px: The side to which the graph resizes a patch.
        head: The linear head, calibration included.
        path: The `.onnx` file: `patch`, uint8 [1, 50, 50, 3] RGB, to `probability`, float32 [1].
    """
    writer = _GraphWriter()
    x, side, pooled = _preprocess(writer, input_px), input_px, []
    for block in backbone.blocks:
        x, side = _add_block(writer, block, x, side)
        if block.tap:
            pooled.append(writer.add("GlobalAveragePool", [x], f"pool_{block.tap}"))
    joined = writer.add("Concat", pooled, "pooled", axis=1) if len(pooled) > 1 else pooled[0]
    _add_head(writer, head, joined)
    shape = [1, PATCH.height_px, PATCH.width_px, 3]
    graph = helper.make_graph(
        writer.nodes,
        "classifier",
        [helper.make_tensor_value_info("patch", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1])],
        writer.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPERATOR_SET)], producer_name="idc-trainer"
    )
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _preprocess(writer: _GraphWriter, input_px: int) -> str:
    x = writer.add("Cast", ["patch"], "to_float", to=TensorProto.FLOAT)
    x = writer.add("Transpose", [x], "to_nchw", perm=[0, 3, 1, 2])
    scales = writer.constant("resize_scales", np.array([1, 1, *_scales(input_px)], np.float32))
    x = writer.add("Resize", [x, "", scales], "resize", mode="linear", coordinate_transformation_mode="half_pixel")
    x = writer.add("Mul", [x, writer.constant("scale", np.array([1 / PIXEL_SCALE], np.float32))], "scaled")
    return writer.add("Add", [x, writer.constant("offset", np.array([-PIXEL_MEAN / PIXEL_SCALE], np.float32))], "x")


def _scales(input_px: int) -> tuple[float, float]:
    return input_px / PATCH.height_px, input_px / PATCH.width_px


def _add_block(writer: _GraphWriter, block: Block, x: str, side: int) -> tuple[str, int]:
    out = x
    for convolution in block.convolutions:
        out, side = _add_convolution(writer, convolution, out, side)
    if block.shortcut:
        out = writer.add("Add", [out, x], block.convolutions[-1].name + "_add")
    return out, side


def _add_convolution(writer: _GraphWriter, convolution: Convolution, x: str, side: int) -> tuple[str, int]:
    name, kernel_side = convolution.name, convolution.kernel.shape[0]
    # To (out, in, height, width); a depthwise kernel (height, width, channels, 1) to (channels, 1, height, width).
    kernel = convolution.kernel.transpose((2, 3, 0, 1) if convolution.depthwise else (3, 2, 0, 1))
    out_side = -(-side // convolution.stride)
    padding = max((out_side - 1) * convolution.stride + kernel_side - side, 0)
    before, after = padding // 2, padding - padding // 2
    weights = writer.constant(name + "_kernel", np.ascontiguousarray(kernel))
    out = writer.add(
        "Conv",
        [x, weights, writer.constant(name + "_bias", convolution.bias)],
        name,
        kernel_shape=[kernel_side, kernel_side],
        strides=[convolution.stride, convolution.stride],
        pads=[before, before, after, after],
        group=convolution.bias.size if convolution.depthwise else 1,
    )
    if convolution.relu6:
        limits = [_limit(writer, name + "_low", 0.0), _limit(writer, name + "_high", 6.0)]
        out = writer.add("Clip", [out, *limits], name + "_relu6")
    return out, out_side


def _limit(writer: _GraphWriter, name: str, value: float) -> str:
    return writer.constant(name, np.array(value, np.float32))


def _add_head(writer: _GraphWriter, head: LinearHead, pooled: str) -> None:
    flat = writer.add("Flatten", [pooled], "flat", axis=1)
    weight = writer.constant("head_weight", head.weight[:, None].astype(np.float32))
    bias = writer.constant("head_bias", np.array([head.bias], np.float32))
    column = writer.add("Sigmoid", [writer.add("Gemm", [flat, weight, bias], "logit")], "column")
    shape = writer.constant("vector_shape", np.array([-1], np.int64))
    writer.add("Reshape", [column, shape], "probability")
