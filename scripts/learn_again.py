"""Learn again what a cross-fitted bundle tells of held-out patients, before it is released.

    uv run --package idc-trainer scripts/learn_again.py models/idc/3 DATA

That is the training reference, and how the scores of slides are distributed, for a bundle of an earlier trainer.

Each of its networks is in the graph. The patients that one of them never saw are found as training finds them, and must
give the figures that the manifest states; if they do not, nothing is written. No graph changes. The bundle's digest
does: for a bundle that is in use, train a new version instead.
"""

import logging
import math
import re
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import openvino as ov

from idc_contracts.bundle import BundleManifest
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.export.bundle_writer import write_manifest
from idc_trainer.graphs.opening import open_bundle, prove
from idc_trainer.graphs.runner import GraphRunner, read_graph
from idc_trainer.learning.held_out import HeldOutScores, join_held_out
from idc_trainer.learning.operating_point import Target, describe_point
from idc_trainer.learning.reference import learn_reference
from idc_trainer.learning.slide_scores import learn_slide_scores
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.parts import fitting_parts
from idc_trainer.splits.split import PatientSplit

_LOG = logging.getLogger(__name__)
NETWORK_OUTPUTS = ("idc", "quality", "place")
STATED = ("validation_sensitivity", "validation_specificity", "validation_coverage", "validation_uncertain")
TOLERANCE = 0.003
"""The bundle's figures were computed with Keras, these with the compiled graph."""


def main() -> None:
    """Measure, compare and write."""
    options = _parsed()
    opened = open_bundle(options.bundle)
    prove(opened)
    manifest = opened.bundle.manifest
    held_out = _held_out(options, manifest)
    _require_as_stated(manifest, held_out)
    learnt = {
        "reference": learn_reference(held_out, manifest.thresholds),
        "slide_scores": learn_slide_scores(held_out),
    }
    write_manifest(options.bundle, manifest.model_copy(update=learnt), manifest.files)


def _parsed() -> Namespace:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _held_out(options: Namespace, manifest: BundleManifest) -> HeldOutScores:
    split = manifest.split
    index = read_patches(DataSet(options.data), _tell)
    sides = PatientSplit(split.train, split.train, split.test)
    patches = DividedPatches(index.of({*split.train, *split.test}), sides, cross_fitted=True)
    parts = fitting_parts(patches, options.folds, len(manifest.calibration), options.seed)
    held_out = sorted(patient for part in parts for patient in set(part.held_out.patients.tolist()))
    if held_out != sorted(split.validation):
        sys.exit("these folds and this seed hold out other patients than the manifest names")
    graph = options.bundle / "model.xml"
    return join_held_out(patches.fitted, [_scores(graph, n, part.held_out) for n, part in enumerate(parts)])


def _scores(graph: Path, number: int, held_out: PatchIndex) -> HeldOutScores:
    """What one of the averaged networks says of patients; calibration and the distance's unit are in its weights."""
    model = read_graph(graph)
    nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    results = []
    for name in NETWORK_OUTPUTS:
        layer = re.compile(rf".*/{name}_{number}_1/(Bias)?Add")
        [at] = [node for path, node in nodes.items() if layer.fullmatch(path)]
        output = at.output(0)
        output.set_names({name})
        results.append(ov.opset13.result(output))
    outputs = GraphRunner(ov.Model(results, model.get_parameters())).run_all(held_out, _tell)
    logit = outputs["idc"][:, 0].astype(np.float64)
    shares = np.exp(outputs["quality"] - outputs["quality"].max(axis=1, keepdims=True)).astype(np.float64)
    return HeldOutScores(
        held_out,
        probability=1 / (1 + np.exp(-logit)),
        distance=np.linalg.norm(outputs["place"], axis=1).astype(np.float64),
        qualities=shares / shares.sum(axis=1, keepdims=True),
    )


def _require_as_stated(manifest: BundleManifest, held_out: HeldOutScores) -> None:
    index = held_out.index
    point = describe_point(
        manifest.thresholds, Target(allow_missed=True), held_out.probability, index.labels, index.patients
    )
    for name in STATED:
        here, stated = getattr(point, name), getattr(manifest.operating_point, name)
        _LOG.info("%s: %.4f, stated %.4f", name, here, stated)
        if not math.isclose(here, stated, abs_tol=TOLERANCE):
            sys.exit(f"{name} is {here}, and the manifest states {stated}: these are not its data or its recipe")


def _tell(step: str, done: int, total: int) -> None:
    if done == total:
        _LOG.info("%s: %d of %d", step, done, total)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
