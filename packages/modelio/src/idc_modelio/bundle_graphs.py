"""The graphs of a bundle that take batches, by precision."""

from dataclasses import dataclass
from pathlib import Path

from idc_contracts.bundle import Precision, SelfTest
from idc_modelio.bundles import Bundle
from idc_modelio.errors import GraphMissing


@dataclass(frozen=True)
class BundleGraph:
    """One graph of a bundle."""

    path: Path
    """In OpenVINO's format."""
    precision: Precision
    self_test: SelfTest


def graph_of(bundle: Bundle, precision: Precision) -> BundleGraph:
    """The graph of a precision.

    Raises:
        GraphMissing: The bundle has none.
    """
    manifest, int8 = bundle.manifest, bundle.manifest.int8
    if precision is Precision.FP16:
        return BundleGraph(bundle.path / "model.xml", precision, manifest.self_test)
    if int8 is None or not int8.kept or int8.self_test is None:
        raise GraphMissing(f"{bundle.path} has no INT8 graph that can be served: use fp16")
    return BundleGraph(bundle.path / "int8" / "model.xml", precision, int8.self_test)
