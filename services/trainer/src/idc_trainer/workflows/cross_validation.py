"""Cross-validation of a recipe: each patient is scored by a compiled model that was not trained on it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from idc_contracts.slide_scores import SlideScores
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import SplitError
from idc_trainer.evaluation.scored_patches import ScoredPatches, join_scored, reasons_of, score_patches
from idc_trainer.learning.ensemble import CHECKS
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.slide_scores import learn_slide_scores
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.folds import check_folds, k_folds, leave_one_patient_out
from idc_trainer.splits.split import PatientSplit, check_sides
from idc_trainer.workflows.export import compile_classifier
from idc_trainer.workflows.phases import Run, train_phases
from idc_trainer.workflows.preparation import Source, read_index


@dataclass(frozen=True)
class CrossValidationRequest:
    source: Source
    target: Target
    folds: int | Literal["patients"] = "patients"
    """`patients` leaves one patient out at a time; a number divides the patients into that many folds."""
    never_train: tuple[str, ...] = ()
    """Patients that are only ever held out, such as the test patients of a model that is shipped."""


@dataclass(frozen=True)
class CrossValidated:
    """The patches of every patient, scored by models that were not trained on it."""

    index: PatchIndex
    """The patches, in the order of `scored`."""
    scored: ScoredPatches
    folds: tuple[tuple[str, ...], ...]
    slide_scores: dict[str, SlideScores | None]
    """Of each patient, by the model that scored it."""


def cross_validate(request: CrossValidationRequest, progress: Progress) -> CrossValidated:
    """Train once for each fold and score its held-out patients.

    Within a fold, calibration and thresholds are chosen by cross-fitting on its training patients only.

    Raises:
        SplitError: A patient that must not train is unknown, or an identical file belongs to two patients.
        TrainerError: A fold cannot be trained.
    """
    index = read_index(request.source, progress)
    folds = _folds(request, index)
    check_folds(folds, index)
    parts: list[ScoredPatches] = []
    slide_scores: dict[str, SlideScores | None] = {}
    for number, fold in enumerate(folds):
        progress("cross-validation, folds", number, len(folds))
        scored, learnt = _score_fold(request, index, fold, progress)
        parts.append(scored)
        slide_scores |= dict.fromkeys(fold, learnt)
    progress("cross-validation, folds", len(folds), len(folds))
    order = np.concatenate([np.flatnonzero(np.isin(index.patients, fold)) for fold in folds])
    return CrossValidated(index.rows(order), join_scored(parts), folds, slide_scores)


def _folds(request: CrossValidationRequest, index: PatchIndex) -> tuple[tuple[str, ...], ...]:
    classes = index.classes_of()
    unknown = sorted({*request.never_train} - classes.keys())
    if unknown:
        raise SplitError(f"patient {unknown[0]!r} is not in the data: name others with --never-train")
    if request.folds == "patients":
        return leave_one_patient_out(classes)
    return k_folds(classes, request.folds, request.source.recipe.seed)


def _score_fold(
    request: CrossValidationRequest, index: PatchIndex, fold: tuple[str, ...], progress: Progress
) -> tuple[ScoredPatches, SlideScores | None]:
    learning = tuple(sorted(index.classes_of().keys() - {*fold, *request.never_train}))
    check_sides({"training": learning, "the held-out fold": fold}, index)
    patches = DividedPatches(index, PatientSplit(learning, learning, fold), cross_fitted=True)
    trained = train_phases(Run(patches, request.source, request.target, progress))
    with tempfile.TemporaryDirectory() as folder:
        _, runner = compile_classifier(trained.members, Path(folder))
        outputs = runner.run_all(patches.test)
    scored = score_patches(patches.test, outputs["probability"], trained.thresholds, reasons_of(outputs, CHECKS))
    return scored, learn_slide_scores(trained.held_out)
