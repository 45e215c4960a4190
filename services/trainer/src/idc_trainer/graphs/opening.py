"""Opens finished bundles: checks, compiles and self-tests them."""

from dataclasses import dataclass
from pathlib import Path

from idc_modelio.bundles import Bundle, check_self_test, read_bundle, read_self_test
from idc_modelio.errors import BundleError, SelfTestFailed
from idc_trainer.errors import BundleInvalid
from idc_trainer.graphs.runner import GraphRunner, read_graph

GRAPHS = {"fp16": "model.xml", "int8": "int8/model.xml"}
"""The graphs of a bundle with a dynamic batch, by precision."""


@dataclass(frozen=True)
class OpenBundle:
    """A bundle that matches its manifest."""

    bundle: Bundle
    runner: GraphRunner


@dataclass(frozen=True)
class Proof:
    """The result of the self-test."""

    patches: int
    largest_difference: float
    """The largest |dp| between the graph's answers now and those in the bundle."""


def open_bundle(path: Path, precision: str = "fp16") -> OpenBundle:
    """Check a bundle's manifest and files, and compile one of its graphs.

    Raises:
        BundleInvalid: It is not a bundle, was changed, or has no graph of that precision.
    """
    try:
        bundle = read_bundle(path.resolve())
    except BundleError as exc:
        raise BundleInvalid(f"{exc}") from exc
    if GRAPHS[precision] not in bundle.manifest.files:
        raise BundleInvalid(f"{path} has no {precision} graph: it was not good enough to be kept, use fp16")
    graph = bundle.path / GRAPHS[precision]
    try:
        return OpenBundle(bundle, GraphRunner(read_graph(graph)))
    except RuntimeError as exc:
        raise BundleInvalid(f"OpenVINO cannot run {graph}: install its locked version or train again") from exc


def prove(opened: OpenBundle) -> Proof:
    """Run the bundle's self-test on the compiled FP16 graph.

    Raises:
        BundleInvalid: It does not compute what it did when it was made.
    """
    bundle = opened.bundle
    try:
        vector = read_self_test(bundle)
        found = check_self_test(bundle, vector, opened.runner.run_outputs(vector.patches))
    except SelfTestFailed as exc:
        raise BundleInvalid(f"{exc}; install the locked version of OpenVINO or train again") from exc
    except BundleError as exc:
        raise BundleInvalid(f"{exc}") from exc
    return Proof(bundle.manifest.self_test.patches, found)
