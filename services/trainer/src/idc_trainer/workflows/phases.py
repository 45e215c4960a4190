"""Training: networks on different parts of the patients, each calibrated on those that it never saw."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from idc_contracts import Thresholds
from idc_modelio.bundles import file_sha256
from idc_trainer.learning.checkpoint import Epoch
from idc_trainer.learning.ensemble import Member
from idc_trainer.learning.familiarity import few_of_each
from idc_trainer.learning.held_out import HeldOutScores, complete_member, join_held_out
from idc_trainer.learning.network import check_stage
from idc_trainer.learning.operating_point import Target, choose_thresholds
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.parts import FittingPart, fitting_parts
from idc_trainer.workflows.members import Fitted, Fitting, HeadsOnFeatures, WholeNetwork
from idc_trainer.workflows.preparation import Source, plain_features, read_backbone


@dataclass(frozen=True)
class Trained:
    members: tuple[Member, ...]
    parts: tuple[FittingPart, ...]
    """Of each member."""
    scores: tuple[HeldOutScores, ...]
    """Of each member, on the patients that it never saw."""
    held_out: HeldOutScores
    """All of these together."""
    thresholds: Thresholds
    """Chosen on `held_out`."""
    epochs: tuple[tuple[Epoch, ...], ...]
    """Of each member."""


@dataclass(frozen=True)
class Run:
    patches: DividedPatches
    source: Source
    target: Target
    progress: Progress

    @cached_property
    def folder(self) -> Path:
        """The folder of its logs and checkpoints.

        Its name is a digest of all that determines the run, so that only an identical run resumes from them.
        """
        index, weights = self.patches.index, self.source.weights
        data = (index.digests.tolist(), index.labels.tolist(), index.patients.tolist())
        inputs = (data, self.patches.split.id, self.source.recipe, file_sha256(weights) if weights else None)
        return self.source.cache / "runs" / hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]


def train_phases(run: Run) -> Trained:
    """Train, calibrate, and choose the thresholds.

    Raises:
        TrainerError: See `idc_trainer.errors`.
    """
    recipe = run.source.recipe
    check_stage(read_backbone(run.source), recipe.train_from)
    parts = fitting_parts(run.patches, recipe.folds, recipe.networks, recipe.seed)
    fitting = _fitting(run)
    fitted = [fitting(number, part.train) for number, part in enumerate(parts)]
    members, scores = zip(*(_completed(run, *pair) for pair in zip(fitted, parts, strict=True)), strict=True)
    held_out = join_held_out(run.patches.fitted, list(scores))
    index = held_out.index
    thresholds = choose_thresholds(held_out.probability, index.labels, index.patients, run.target)
    return Trained(members, parts, scores, held_out, thresholds, tuple(one.epochs for one in fitted))


def _fitting(run: Run) -> Fitting:
    if run.source.recipe.is_frozen:
        return HeadsOnFeatures(run.source, run.folder, run.patches.fitted, run.progress)
    return WholeNetwork(run.source, run.folder, run.progress)


def _completed(run: Run, fitted: Fitted, part: FittingPart) -> tuple[Member, HeldOutScores]:
    seed = run.source.recipe.seed
    learnt = part.train.rows(few_of_each(part.train.patients, seed))
    plain_features(fitted.backbone, learnt, run.source, run.progress)
    store = plain_features(fitted.backbone, part.held_out, run.source, run.progress)
    return complete_member(fitted.backbone, fitted.heads, part, store, seed)
