"""From a Keras model to graphs: what they take, that they agree, and that none passes that does not."""

import gc
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import onnx
import openvino as ov
import pytest
import tensorflow as tf

from idc_contracts.bundle import Calibration
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.folding import served
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.errors import OutputFull, OutputUnwritable, ParityFailed
from idc_trainer.export import int8
from idc_trainer.export.int8 import Int8Twin, Judged, make_twin
from idc_trainer.export.self_test import synthetic_patches
from idc_trainer.graphs import runner as runner_module
from idc_trainer.graphs.conversion import save_ir, save_onnx, to_openvino
from idc_trainer.graphs.parity import largest_differences, require_parity
from idc_trainer.graphs.runner import GraphRunner, read_graph
from idc_trainer.learning.ensemble import AFTER_BACKBONE, OUTPUTS, Member, build_classifier
from idc_trainer.learning.familiarity import fit_familiarity, scaled
from idc_trainer.learning.heads import Heads
from idc_trainer.learning.network import build_feature_model, patch_input
from idc_trainer.progress import Progress
from support.memory_patches import made_index

STAGES = ("stage3", "stage4")


def _member(backbone: BuiltBackbone) -> Member:
    rng = np.random.default_rng(0)
    heads = Heads(*(rng.normal(0, 0.02, shape).astype(np.float32) for shape in ((64, 1), (1,), (64, 4), (4,))))
    learnt = scaled(fit_familiarity(rng.normal(0, 3, (400, 64)).astype(np.float32)), 10.0)
    return Member(backbone, heads, Calibration(temperature=1.0), learnt)


@pytest.fixture(scope="module")
def backbone() -> BuiltBackbone:
    return served(build_backbone("efficientnet_lite0", 32, STAGES, None))


@pytest.fixture(scope="module")
def classifier(backbone: BuiltBackbone) -> keras.Model:
    return build_classifier((_member(backbone),))


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    return synthetic_patches(seed=1)


@pytest.fixture(scope="module")
def ir_path(classifier: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_ir(to_openvino(classifier), tmp_path_factory.mktemp("ir"))


@pytest.fixture(scope="module")
def onnx_path(classifier: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    save_onnx(classifier, path)
    return path


def test_the_graph_takes_uint8_patches_and_gives_one_number_each_by_name(ir_path: Path, patches: np.ndarray) -> None:
    compiled = ov.Core().compile_model(ir_path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    assert [(port.any_name, str(port.element_type), str(port.partial_shape)) for port in compiled.inputs] == [
        ("patch", "<Type: 'uint8_t'>", "[?,50,50,3]")
    ]
    assert [(port.any_name, str(port.partial_shape)) for port in compiled.outputs] == [
        (name, "[?]") for name in OUTPUTS
    ]
    for count in (1, 5):
        probability = compiled({"patch": patches[:count]})["probability"]
        assert (probability.shape, probability.dtype) == ((count,), np.float32)
        assert ((probability >= 0) & (probability <= 1)).all()


def test_the_graph_keeps_its_numbers_when_the_keras_model_is_gone() -> None:
    def ramp() -> keras.Model:
        patch = patch_input()
        layer = keras.layers.Dense(64)
        out = layer(keras.layers.GlobalAveragePooling2D()(patch))
        layer.set_weights([np.zeros((3, 64), np.float32), np.arange(64, dtype=np.float32)])
        return keras.Model(patch, {"ramp": out})

    graph = to_openvino(ramp())
    gc.collect()
    overwriting = [tf.Variable(np.full(64, np.nan, np.float32)) for _ in range(1000)]

    found = GraphRunner(graph).run(np.zeros((1, 50, 50, 3), np.uint8))["ramp"]

    del overwriting
    assert found[0].tolist() == list(range(64))


def test_the_onnx_graph_is_of_operator_set_13_with_a_batch_of_1(onnx_path: Path) -> None:
    model = onnx.load(onnx_path)

    onnx.checker.check_model(model)
    assert {opset.domain: opset.version for opset in model.opset_import}[""] == 13
    (patch,), outputs = model.graph.input, model.graph.output
    assert [dim.dim_value for dim in patch.type.tensor_type.shape.dim] == [1, 50, 50, 3]
    assert patch.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert {output.name for output in outputs} == set(OUTPUTS)
    compiled = ov.Core().compile_model(onnx_path, "CPU")
    assert compiled(np.zeros((1, 50, 50, 3), np.uint8))[0].shape == (1,)


def test_openvino_and_onnx_agree_with_keras(
    classifier: keras.Model, ir_path: Path, onnx_path: Path, patches: np.ndarray
) -> None:
    graphs = {"IR": read_graph(ir_path), "ONNX": read_graph(onnx_path)}

    found = largest_differences(classifier, graphs, patches)

    assert np.asarray(classifier(patches, training=False)["probability"]).std() > 0.001
    assert max(found.values()) < 1e-3
    require_parity(found)


def test_a_graph_that_strays_is_refused(classifier: keras.Model, ir_path: Path, patches: np.ndarray) -> None:
    graphs = {"model.xml": read_graph(ir_path), "model.onnx": _mean_graph(1 / 255, OUTPUTS)}

    found = largest_differences(classifier, graphs, patches)

    assert found["model.onnx"] > 0.05
    with pytest.raises(ParityFailed, match=r"the model\.onnx graph differs .* no bundle was written"):
        require_parity(found)


@pytest.mark.parametrize(("difference", "passes"), [(0.0, True), (0.01, True), (0.0101, False), (float("nan"), False)])
def test_parity_allows_a_hundredth_and_refuses_what_is_not_a_number(difference: float, passes: bool) -> None:
    if passes:
        require_parity({"model.xml": difference})
        return
    with pytest.raises(ParityFailed):
        require_parity({"model.xml": 0.0, "model.onnx": difference})


def test_a_runner_keeps_the_order_of_the_patches_and_reports_all(
    backbone: BuiltBackbone, silent: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_feature_model(backbone)
    runner = GraphRunner(to_openvino(model))
    index = made_index({"a": (25, 24)})
    patches = np.stack([index.decode(row) for row in range(len(index))])
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(runner_module, "_BLOCK", 20)

    features = runner.run_all(index, lambda *step: told.append(step), "scoring")["features"]

    assert features.shape == (49, 64)
    np.testing.assert_allclose(features, np.asarray(model(patches, training=False)["features"]), atol=1e-3, rtol=1e-3)
    np.testing.assert_allclose(runner.run(patches)["features"], features, atol=1e-5)
    assert told == [("scoring", 20, 49), ("scoring", 40, 49), ("scoring", 49, 49)]
    assert runner.run(patches[:0])["features"].shape == (0, 64)


def test_a_white_patch_is_resized_and_scaled_as_the_weights_want(backbone: BuiltBackbone) -> None:
    model = build_feature_model(backbone)
    resized = keras.Model(model.input, model.get_layer("resize").output)
    scaled = keras.Model(backbone.model.input, backbone.model.get_layer("scale").output)

    out = np.asarray(scaled(resized(np.full((1, 50, 50, 3), 255, np.uint8))))

    assert out.shape == (1, 32, 32, 3)
    np.testing.assert_allclose(out, (255 - 127) / 128, rtol=1e-6)


def test_a_graph_that_cannot_be_written_is_reported(
    ir_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO says of a failed write only that it failed; whether the disk is full is asked of the disk."""
    (tmp_path / "model.bin").mkdir()
    graph = read_graph(ir_path)

    with pytest.raises(OutputUnwritable, match="cannot write below"):
        save_ir(graph, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))
    with pytest.raises(OutputFull, match="no space is left"):
        save_ir(graph, tmp_path)


@pytest.mark.parametrize(
    ("drop", "kept"), [(-0.01, True), (0.0, True), (0.00199, True), (0.002, False), (0.1, False), (float("nan"), False)]
)
def test_an_int8_twin_is_kept_if_its_auc_drops_by_less_than_two_thousandths(drop: float, kept: bool) -> None:
    assert Int8Twin(ov.Model([], [], "none"), drop).kept is kept


def _mean_graph(scale: float, names: tuple[str, ...] = ("probability",)) -> ov.Model:
    """P(IDC) is the mean colour times a number: a negative one ranks the other way round."""
    ops = ov.opset13
    patch = ops.parameter([-1, 50, 50, 3], np.uint8, name="patch")
    mean = ops.reduce_mean(ops.convert(patch, "f32"), ops.constant([1, 2, 3]))
    graph = ov.Model([ops.multiply(mean, ops.constant(np.float32(scale))) for _ in names], [patch], "mean")
    for output, name in zip(graph.outputs, names, strict=True):
        output.get_tensor().set_names({name})
    return graph


@pytest.mark.parametrize(("scale", "drop"), [(-1.0, 0.0), (1.0, 1.0)])
def test_the_drop_is_that_of_the_members_mean_auc_within_held_out_patients(
    monkeypatch: pytest.MonkeyPatch, scale: float, drop: float
) -> None:
    """Dense patches of IDC are darker, so that the negative mean ranks without a fault."""
    training, validation = made_index({"a": (4, 4)}), made_index({"b": (30, 30)}, seed=1)
    seen: list[int] = []

    def quantize(_graph: ov.Model, patches: np.ndarray) -> ov.Model:
        seen.append(len(patches))
        return _mean_graph(scale)

    monkeypatch.setattr(int8, "quantize", quantize)
    expected = GraphRunner(_mean_graph(-1.0)).run_all(validation)["probability"]
    member = Judged(_mean_graph(-1.0), training, validation, expected)

    twin = make_twin(_mean_graph(-1.0), training, [member, member])

    assert seen == [8, 8, 8]
    assert twin.auc_drop == pytest.approx(drop, abs=0.06)
    assert twin.kept is (drop == 0.0)


def test_nncf_makes_a_twin_with_int8_weights_that_computes_nearly_the_same(
    ir_path: Path, patches: np.ndarray, tmp_path: Path
) -> None:
    graph = read_graph(ir_path)
    expected = GraphRunner(graph).run(patches)["probability"]

    twin = int8.quantize(read_graph(ir_path), patches)

    path = save_ir(twin, tmp_path / "int8")
    found = GraphRunner(read_graph(path)).run(patches)["probability"]
    operations = [operation.get_type_name() for operation in twin.get_ops()]
    quantized = [
        operation.get_friendly_name() for operation in twin.get_ops() if "/fq_" in operation.get_friendly_name()
    ]
    assert not [name for name in quantized if re.match(AFTER_BACKBONE, name)]
    assert operations.count("FakeQuantize") > 10
    assert np.abs(found - expected).max() < 0.1
    assert path.with_suffix(".bin").stat().st_size < 0.8 * ir_path.with_suffix(".bin").stat().st_size
