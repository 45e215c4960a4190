"""Opens finished bundles: checks, compiles and self-tests them."""

from dataclasses import dataclass
from pathlib import Path

from idc_contracts.bundle import Precision
from idc_modelio.bundle_graphs import BundleGraph, graph_of
from idc_modelio.bundles import Bundle, check_self_test, read_bundle, read_self_test
from idc_modelio.errors import BundleError, SelfTestFailed
from idc_trainer.errors import BundleInvalid
from idc_trainer.graphs.runner import GraphRunner, read_graph


@dataclass(frozen=True)
class OpenBundle:
    """A bundle that matches its manifest."""

    bundle: Bundle
    graph: BundleGraph
    runner: GraphRunner


@dataclass(frozen=True)
class Proof:
    """The result of the self-test."""

    patches: int
    largest_difference: float
    """The largest |dp| between the graph's answers now and those in the bundle."""


def open_bundle(path: Path, precision: Precision = Precision.FP16) -> OpenBundle:
    """Check a bundle's manifest and files, and compile one of its graphs.

    Raises:
        BundleInvalid: It is not a bundle, was changed, or has no graph of that precision.
    """
    try:
        bundle = read_bundle(path.resolve())
        graph = graph_of(bundle, precision)
    except BundleError as exc:
        raise BundleInvalid(f"{exc}") from exc
    try:
        return OpenBundle(bundle, graph, GraphRunner(read_graph(graph.path)))
    except RuntimeError as exc:
        raise BundleInvalid(f"OpenVINO cannot run {graph.path}: install its locked version or train again") from exc


def prove(opened: OpenBundle) -> Proof:
    """Run the self-test of the compiled graph.

    Raises:
        BundleInvalid: It does not compute what it did when it was made.
    """
    bundle = opened.bundle
    try:
        vector = read_self_test(bundle, opened.graph.self_test)
        difference = check_self_test(bundle, vector, opened.runner.run(vector.patches))
    except SelfTestFailed as exc:
        raise BundleInvalid(f"{exc}; install the locked version of OpenVINO or train again") from exc
    except BundleError as exc:
        raise BundleInvalid(f"{exc}") from exc
    return Proof(opened.graph.self_test.patches, difference)
