"""The shipped graph compiles for a Neural Compute Stick: a layer that it lacks is found without one."""

import os
import subprocess
from pathlib import Path

import onnx
import pytest
from onnx import helper

ROOT = Path(__file__).parents[2]
LIBRARIES = ROOT / ".tools" / "myriad" / "openvino" / "libs"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not (LIBRARIES / "myriad_compile").exists(), reason="myriad_compile is not here: `make tools` gets it on x86-64"
    ),
]


def compile_for_stick(graph: Path, blob: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LIBRARIES / "myriad_compile"), "-m", str(graph), "-o", str(blob), "-ip", "U8", "-op", "FP32", *options],
        env={**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_shipped_graph_compiles_for_the_stick(tmp_path: Path) -> None:
    bundles = sorted((ROOT / "models").glob("*/*/model.onnx"))
    assert bundles

    for graph in bundles:
        done = compile_for_stick(graph, tmp_path / "model.blob")

        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert (tmp_path / "model.blob").stat().st_size > 1_000_000


@pytest.mark.parametrize(("names", "is_known"), [(("probability", "distance"), True), (("probability", "x"), False)])
def test_stick_names_the_outputs_of_a_graph_as_it_does(tmp_path: Path, names: tuple[str, ...], is_known: bool) -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Sigmoid", ["patch"], ["probability"], name="a/b/Sigmoid"),
            helper.make_node("Relu", ["patch"], ["distance"], name="c/Relu"),
        ],
        "two outputs",
        [helper.make_tensor_value_info("patch", onnx.TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3]) for name in ("probability", "distance")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), tmp_path / "model.onnx")
    precisions = ",".join(f"{name}:FP16" for name in names)

    done = compile_for_stick(tmp_path / "model.onnx", tmp_path / "model.blob", "-iop", precisions)

    assert (done.returncode == 0) is is_known, done.stdout[-2000:] + done.stderr[-2000:]


def test_layer_that_the_stick_does_not_support_is_found(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Asinh", ["patch"], ["probability"])],
        "unsupported",
        [helper.make_tensor_value_info("patch", onnx.TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, [1, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), tmp_path / "model.onnx")

    done = compile_for_stick(tmp_path / "model.onnx", tmp_path / "model.blob")

    assert done.returncode != 0
    assert "Asinh" in done.stdout + done.stderr
