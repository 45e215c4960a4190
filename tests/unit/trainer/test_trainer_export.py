from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov
import pytest

from idc_trainer.backbones.efficientnet_lite0 import PIXEL_MEAN, PIXEL_SCALE, BackboneGraph, build_backbone
from idc_trainer.backbones.keras_model import build_classifier, build_feature_model
from idc_trainer.backbones.torch_weights import default_weights_path, read_weights
from idc_trainer.data.patches import Progress
from idc_trainer.errors import ParityFailed
from idc_trainer.export.onnx_graph import write_onnx
from idc_trainer.export.openvino_ir import read_graph, save_ir, to_openvino
from idc_trainer.export.parity import check_parity, keras_probability, onnx_probability
from idc_trainer.export.self_test import made_up_patches
from idc_trainer.features.runner import GraphRunner
from idc_trainer.learning.head import LinearHead

INPUT_PX = 64


@pytest.fixture(scope="module")
def backbone() -> BackboneGraph:
    return build_backbone(read_weights(default_weights_path()))


@pytest.fixture(scope="module")
def head() -> LinearHead:
    weight = np.random.default_rng(0).normal(0, 0.02, 152).astype(np.float16).astype(np.float32)
    return LinearHead(weight, 0.25)


@pytest.fixture(scope="module")
def classifier(backbone: BackboneGraph, head: LinearHead) -> keras.Model:
    return build_classifier(backbone, INPUT_PX, head)


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    return made_up_patches(seed=1)


@pytest.fixture(scope="module")
def ir_path(classifier: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_ir(to_openvino(classifier, "probability"), tmp_path_factory.mktemp("ir"))


def test_the_graph_takes_uint8_patches_and_gives_one_probability_each(ir_path: Path, patches: np.ndarray) -> None:
    compiled = ov.Core().compile_model(ir_path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    assert [(port.any_name, str(port.element_type), str(port.partial_shape)) for port in compiled.inputs] == [
        ("patch", "<Type: 'uint8_t'>", "[?,50,50,3]")
    ]
    assert [(port.any_name, str(port.partial_shape)) for port in compiled.outputs] == [("probability", "[?]")]
    for count in (1, 5):
        probability = compiled({"patch": patches[:count]})["probability"]
        assert (probability.shape, probability.dtype) == ((count,), np.float32)
        assert ((probability >= 0) & (probability <= 1)).all()


def test_the_onnx_graph_uses_only_what_the_old_reader_knows(
    backbone: BackboneGraph, head: LinearHead, tmp_path: Path
) -> None:
    write_onnx(backbone, INPUT_PX, head, tmp_path / "model.onnx")

    model = onnx.load(tmp_path / "model.onnx")

    assert model.opset_import[0].version <= 13
    assert {node.op_type for node in model.graph.node} == {
        "Add", "Cast", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "Mul", "Reshape", "Resize",
        "Sigmoid", "Transpose",
    }  # fmt: skip
    assert [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [1, 50, 50, 3]


def test_openvino_and_onnx_agree_with_keras(
    classifier: keras.Model,
    backbone: BackboneGraph,
    head: LinearHead,
    ir_path: Path,
    patches: np.ndarray,
    silent: Progress,
    tmp_path: Path,
) -> None:
    write_onnx(backbone, INPUT_PX, head, tmp_path / "model.onnx")
    expected = keras_probability(classifier, patches)

    parity = check_parity(
        classifier, GraphRunner(read_graph(ir_path)), read_graph(tmp_path / "model.onnx"), patches, silent
    )

    assert expected.std() > 0.01
    assert parity.patches == len(patches)
    assert max(parity.max_dp_openvino, parity.max_dp_onnx) < 1e-4


def test_a_graph_that_strays_fails_the_gate(
    classifier: keras.Model, backbone: BackboneGraph, head: LinearHead, ir_path: Path, patches: np.ndarray,
    silent: Progress, tmp_path: Path,
) -> None:  # fmt: skip
    write_onnx(backbone, INPUT_PX, LinearHead(head.weight, head.bias + 0.5), tmp_path / "model.onnx")

    with pytest.raises(ParityFailed, match="the ONNX graph strays from Keras"):
        check_parity(classifier, GraphRunner(read_graph(ir_path)), read_graph(tmp_path / "model.onnx"), patches, silent)


def test_a_runner_keeps_the_order_of_the_patches_and_reports_all(backbone: BackboneGraph, patches: np.ndarray) -> None:
    model = build_feature_model(backbone, INPUT_PX)
    steps: list[tuple[str, int, int]] = []
    many = np.concatenate([patches] * 4)[: 3 * len(patches) + 5]

    features = GraphRunner(to_openvino(model, "features")).run(many, lambda *step: steps.append(step), "pass")

    np.testing.assert_allclose(features, np.asarray(model(many)), atol=1e-3)
    assert max(done for _, done, _ in steps) == len(many)


def test_a_white_patch_is_resized_and_scaled_as_the_weights_want(backbone: BackboneGraph) -> None:
    model = build_feature_model(backbone, INPUT_PX)
    normalised = keras.Model(model.input, model.get_layer("normalise").output)

    out = np.asarray(normalised(np.full((1, 50, 50, 3), 255, np.uint8)))

    assert out.shape == (1, INPUT_PX, INPUT_PX, 3)
    np.testing.assert_allclose(out, (255 - PIXEL_MEAN) / PIXEL_SCALE)


def test_onnx_runs_one_patch_at_a_time(
    backbone: BackboneGraph, head: LinearHead, tmp_path: Path, patches: np.ndarray
) -> None:
    write_onnx(backbone, INPUT_PX, head, tmp_path / "model.onnx")

    assert onnx_probability(read_graph(tmp_path / "model.onnx"), patches[:3]).shape == (3,)
