"""Promotion: compares a candidate with the serving model on patients that are new to both."""

import logging
from dataclasses import dataclass
from pathlib import Path

from idc_contracts import utc_now
from idc_contracts.bundle import BundleManifest
from idc_contracts.promotion import ComparedMeasure, ModelComparison, Verdict
from idc_modelio.serving import comparison_path
from idc_trainer.data.check import require_patches
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.errors import CandidateUntested, CandidateWorse, WrongSetting, output_error, printable
from idc_trainer.evaluation.comparison import LEAST_PATIENTS, compare, decisions
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.export.placing import Located, locate, reference, serving_bundle, write_record
from idc_trainer.graphs.opening import OpenBundle, open_bundle, prove
from idc_trainer.progress import Progress
from idc_trainer.workflows.evaluating import score_opened

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PromotionRequest:
    candidate: Path
    """See `placing.locate`."""
    data: DataSet
    by: str
    """Who promotes."""
    command: str
    """The command line, which the record keeps."""


def compare_with_serving(request: PromotionRequest, progress: Progress) -> tuple[Located, ModelComparison]:
    """Compare a candidate with the version that serves, and record the result beside the candidate.

    Raises:
        BundleInvalid: The candidate or the serving version cannot be used, or fails its self-test.
        WrongSetting: The path is not a candidate, or the version serves already.
        DataError: The patches cannot be read.
        OutputUnwritable, OutputFull: The record cannot be written.
    """
    at = locate(request.candidate)
    candidate, serving = _proved(at.folder), serving_bundle(at.models, at.name)
    if serving and serving.path == at.place:
        raise WrongSetting(f"{at.place} serves already: name <models>/.candidates/<name>/<version>")
    other = _proved(serving.path) if serving else None
    index = read_patches(request.data, progress)
    require_patches(index)
    chosen = _new_to(index, candidate, other)
    ours = score_opened(candidate, chosen, progress, "scoring by the candidate")
    theirs = score_opened(other, chosen, progress, "scoring by the serving model") if other else None
    comparison = _describe(request, chosen, (candidate, ours), (other, theirs))
    if at.is_candidate:
        try:
            write_record(comparison, comparison_path(at.models, at.name, at.version))
        except OSError as exc:
            raise output_error(at.models, exc) from exc
    return at, comparison


def require_passed(comparison: ModelComparison, *, untested: bool) -> None:
    """Refuse what must not serve.

    Args:
        comparison: Of the candidate.
        untested: Whether too few patients are no obstacle.

    Raises:
        CandidateWorse: It is worse beyond chance.
        CandidateUntested: Too few patients are new to both models.
    """
    named = f"{comparison.candidate.name} {comparison.candidate.version}"
    if comparison.verdict is Verdict.WORSE and comparison.serving:
        raise CandidateWorse(
            f"{named} is worse than {comparison.serving.version}, which serves, beyond chance: "
            f"{figures_line(comparison)}; it stays a candidate"
        )
    if comparison.verdict is Verdict.UNTESTED and not untested:
        raise CandidateUntested(
            f"{named} is untested: {comparison.patients} patients of the data have both classes and are new to "
            f"candidate and serving model, {LEAST_PATIENTS} are needed; bring more, or promote it with --untested"
        )


def figures_line(comparison: ModelComparison) -> str:
    """The measures of a comparison in one line."""
    measures = {"AUC": comparison.auc, "balanced accuracy": comparison.balanced_accuracy}
    parts = [f"{name} {_formatted(measure)}" for name, measure in measures.items() if measure]
    return f"{'; '.join(parts)} ({comparison.patients} patients)"


def _formatted(measure: ComparedMeasure) -> str:
    if measure.serving is None or measure.difference is None:
        return f"{measure.candidate:.3f}"
    gap = measure.difference
    return f"{measure.candidate:.3f} against {measure.serving:.3f}, {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def _proved(path: Path) -> OpenBundle:
    opened = open_bundle(path)
    prove(opened)
    return opened


def _new_to(index: PatchIndex, candidate: OpenBundle, serving: OpenBundle | None) -> PatchIndex:
    """The patches of the patients that no model learned from, or was calibrated on."""
    manifests = [opened.bundle.manifest for opened in (candidate, serving) if opened]
    known = {patient for manifest in manifests for patient in _learned_from(manifest)}
    present = set(index.patients.tolist())
    if left_out := sorted(present & known):
        _LOG.warning(
            "Not compared, since candidate or serving model learned from them: %d of %d patients: %s",
            len(left_out),
            len(present),
            printable(", ".join(left_out)),
        )
    return index.of(sorted(present - known))


def _learned_from(manifest: BundleManifest) -> set[str]:
    return {*manifest.split.train, *manifest.split.validation}


def _describe(
    request: PromotionRequest,
    index: PatchIndex,
    candidate: tuple[OpenBundle, ScoredPatches],
    serving: tuple[OpenBundle | None, ScoredPatches | None],
) -> ModelComparison:
    (ours, scored), (theirs, scored_by_theirs) = candidate, serving
    comparison = compare(scored, scored_by_theirs)
    return ModelComparison(
        compared_at=utc_now(),
        by=request.by,
        command=request.command,
        candidate=reference(ours.bundle),
        serving=reference(theirs.bundle) if theirs else None,
        data_sha256=index.sha256(),
        patients=comparison.patients,
        patches=len(index),
        verdict=comparison.verdict,
        auc=comparison.auc,
        balanced_accuracy=comparison.balanced_accuracy,
        candidate_decisions=decisions(scored),
        serving_decisions=decisions(scored_by_theirs) if scored_by_theirs else None,
    )
