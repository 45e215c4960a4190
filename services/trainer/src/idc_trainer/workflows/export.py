"""Exports the graphs of a bundle and rejects those that do not compute what was trained."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import openvino as ov

from idc_contracts.bundle import Parity
from idc_trainer.export.int8 import Int8Twin, Judged, make_twin
from idc_trainer.graphs.conversion import save_ir, save_onnx, to_openvino
from idc_trainer.graphs.parity import PATCHES, largest_differences, require_parity
from idc_trainer.graphs.runner import GraphRunner, read_graph
from idc_trainer.learning.ensemble import Member, build_classifier
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.workflows.phases import Trained


@dataclass(frozen=True)
class Exported:
    runner: GraphRunner
    """The FP16 graph, read back from its file."""
    parity: Parity
    twin: Int8Twin | None


def compile_classifier(members: tuple[Member, ...], folder: Path) -> tuple[keras.Model, GraphRunner]:
    """Build the classifier of some members, write its FP16 graph into `folder` and read it back."""
    classifier = build_classifier(members)
    path = save_ir(to_openvino(classifier), folder)
    return classifier, GraphRunner(read_graph(path))


def export_graphs(
    trained: Trained, patches: DividedPatches, folder: Path, progress: Progress, *, int8: bool
) -> Exported:
    """Write the FP16 graph, the ONNX graph and, if it is good enough, the INT8 graph.

    Raises:
        ParityFailed: A graph does not compute what Keras computes.
    """
    classifier, runner = compile_classifier(trained.members, folder)
    save_onnx(classifier, folder / "model.onnx")
    twin = _make_twin(trained, folder, patches, progress) if int8 else None
    if twin and twin.kept:
        save_ir(twin.graph, folder / "int8")
    progress("comparing the graphs with Keras", 0, 1)
    parity = _compare(classifier, folder, twin, patches)
    progress("comparing the graphs with Keras", 1, 1)
    return Exported(runner, parity, twin)


def _make_twin(trained: Trained, folder: Path, patches: DividedPatches, progress: Progress) -> Int8Twin:
    progress("making the INT8 graph", 0, 1)
    members = [
        Judged(to_openvino(build_classifier((member,))), part.train, scores.index, scores.probability)
        for member, part, scores in zip(trained.members, trained.parts, trained.scores, strict=True)
    ]
    twin = make_twin(read_graph(folder / "model.xml"), patches.train, members)
    progress("making the INT8 graph", 1, 1)
    return twin


def _compare(classifier: keras.Model, folder: Path, twin: Int8Twin | None, patches: DividedPatches) -> Parity:
    rows = np.random.default_rng(0).permutation(len(patches.train))[:PATCHES]
    compared = np.stack([patches.train.decode(int(row)) for row in rows])
    shipped: dict[str, ov.Model] = {name: read_graph(folder / name) for name in ("model.xml", "model.onnx")}
    differences = largest_differences(classifier, shipped | ({"INT8": twin.graph} if twin else {}), compared)
    require_parity({name: differences[name] for name in shipped})
    return Parity(
        patches=len(compared),
        max_dp_openvino=differences["model.xml"],
        max_dp_onnx=differences["model.onnx"],
        max_dp_int8=differences.get("INT8"),
    )
