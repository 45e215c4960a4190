"""Measures a finished bundle on patients that it did not learn from."""

import logging
from dataclasses import dataclass
from pathlib import Path

from idc_contracts.bundle import BundleManifest
from idc_trainer.data.check import require_patches
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.errors import SplitError, printable
from idc_trainer.evaluation.scored_patches import ScoredPatches, score_patches
from idc_trainer.graphs.opening import open_bundle, prove
from idc_trainer.progress import Progress

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationRequest:
    """What a person asks for."""

    bundle: Path
    data: DataSet
    precision: str = "fp16"
    """Which graph of the bundle, of `bundle_reading.GRAPHS`."""
    patients: tuple[str, ...] = ()
    """Whom to measure on; empty takes all of the data that the bundle did not learn from."""


@dataclass(frozen=True)
class Evaluated:
    """A bundle's scores."""

    manifest: BundleManifest
    index: PatchIndex
    """The patches in the order of `scored`."""
    scored: ScoredPatches


def score_bundle(request: EvaluationRequest, progress: Progress) -> Evaluated:
    """Score patches by a bundle's compiled graph.

    Raises:
        BundleInvalid: The bundle cannot be used, or fails its self-test.
        SplitError: A patient to measure on is unknown, or the bundle learned from it.
        DataError: The patches cannot be read.
    """
    opened = open_bundle(request.bundle)
    prove(opened)
    if request.precision != "fp16":  # the self-test's answers are those of the FP16 graph
        opened = open_bundle(request.bundle, request.precision)
    manifest = opened.bundle.manifest
    index = read_patches(request.data, progress)
    require_patches(index)
    chosen = index.of(_patients(request, manifest, index))
    probability = opened.runner.run_all(chosen, progress, "scoring patches")
    return Evaluated(manifest, chosen, score_patches(chosen, probability, manifest.thresholds))


def _patients(request: EvaluationRequest, manifest: BundleManifest, index: PatchIndex) -> tuple[str, ...]:
    known, learned_from = set(index.patients.tolist()), set(manifest.split.train)
    if request.patients:
        unknown, learned = sorted({*request.patients} - known), sorted({*request.patients} & learned_from)
        if unknown:
            raise SplitError(f"patient {unknown[0]!r} is not in the data: name others with --patients")
        if learned:
            raise SplitError(f"the bundle learned from patient {learned[0]!r}: name others with --patients")
        return request.patients
    if known <= learned_from:
        raise SplitError("the bundle learned from all patients of the data: bring others")
    if passed := sorted(known & learned_from):
        _LOG.warning("Not measured, since the bundle learned from them: %s", printable(", ".join(passed)))
    return tuple(sorted(known - learned_from))
