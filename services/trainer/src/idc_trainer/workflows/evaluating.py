"""Evaluation of a finished bundle on patients that it was not trained on."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idc_contracts.bundle import BundleManifest, Precision
from idc_trainer.data.check import require_patches
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.errors import DataUnreadable, SplitError, printable
from idc_trainer.evaluation.named_list import read_names
from idc_trainer.evaluation.scored_patches import ScoredPatches, reasons_of, score_patches
from idc_trainer.graphs.opening import OpenBundle, open_bundle, prove
from idc_trainer.progress import Progress

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationRequest:
    bundle: Path
    data: DataSet
    precision: Precision = Precision.FP16
    """Of the bundle's graph."""
    patients: tuple[str, ...] = ()
    """The patients to measure on; empty takes those that had no part in the bundle, or, if there are none, all that it
    was not trained on."""
    only_list: Path | None = None
    """A text file of file names: only these patches are measured."""


@dataclass(frozen=True)
class Evaluated:
    manifest: BundleManifest
    index: PatchIndex
    """The patches, in the order of `scored`."""
    scored: ScoredPatches


def score_bundle(request: EvaluationRequest, progress: Progress) -> Evaluated:
    """Score patches with a bundle's compiled graph.

    Raises:
        BundleInvalid: The bundle cannot be used, or fails its self-test.
        SplitError: A patient to measure on is unknown, or the bundle was trained on it.
        DataError: The patches cannot be read.
    """
    opened = open_bundle(request.bundle, request.precision)
    prove(opened)
    manifest = opened.bundle.manifest
    index = read_patches(request.data, progress)
    require_patches(index)
    if request.only_list:
        index = _named(request.only_list, index)
    chosen = index.of(_patients(request, manifest, index))
    return Evaluated(manifest, chosen, score_opened(opened, chosen, progress, "scoring patches"))


def score_opened(opened: OpenBundle, index: PatchIndex, progress: Progress, step: str) -> ScoredPatches:
    """Score patches with an open bundle, at its own thresholds and checks.

    Raises:
        DataUnreadable: A file was changed since it was indexed.
    """
    found, manifest = opened.runner.run_all(index, progress, step), opened.bundle.manifest
    return score_patches(index, found["probability"], manifest.thresholds, reasons_of(found, manifest.checks))


def _named(only_list: Path, index: PatchIndex) -> PatchIndex:
    """The patches that a list names; other names in it are no error, since a list may be of a larger set."""
    chosen = index.rows(np.isin(index.names, read_names(only_list)))
    if not len(chosen):
        raise DataUnreadable(f"{only_list} names no patch of the data: list file names, one per line")
    return chosen


def _patients(request: EvaluationRequest, manifest: BundleManifest, index: PatchIndex) -> tuple[str, ...]:
    known, trained_on = set(index.patients.tolist()), set(manifest.split.train)
    if request.patients:
        if unknown := sorted({*request.patients} - known):
            raise SplitError(f"patient {unknown[0]!r} is not in the data: name others with --patients")
        if seen := sorted({*request.patients} & trained_on):
            raise SplitError(f"the bundle was trained on patient {seen[0]!r}: name others with --patients")
        return request.patients
    if known <= trained_on:
        raise SplitError("the bundle was trained on all patients of the data: bring others")
    if skipped := sorted(known & trained_on):
        _LOG.warning("Not measured, since the bundle was trained on them: %s", printable(", ".join(skipped)))
    apart = known - trained_on - set(manifest.split.validation)
    if apart and (chosen_on := sorted(known - trained_on - apart)):
        _LOG.warning(
            "Not measured, since calibration and thresholds were chosen on them: %s", printable(", ".join(chosen_on))
        )
    return tuple(sorted(apart or known - trained_on))
