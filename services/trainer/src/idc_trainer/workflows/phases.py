"""The two phases of training: a head on frozen features, and optional fine-tuning of the last stages before it."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from idc_modelio.bundles import file_sha256
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.errors import WrongSetting
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.learning.fine_tuning import check_stage, fine_tune, fitting_precision
from idc_trainer.learning.learner import Learned, Learner
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import FineTuning
from idc_trainer.learning.tensorboard_log import TensorBoardLog
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.workflows.preparation import Source, compute_features, read_backbone


@dataclass(frozen=True)
class Trained:
    backbone: BuiltBackbone
    learned: Learned
    head_losses: tuple[float, ...]
    """The objective after each step of the head's last fit."""
    epochs: tuple[Epoch, ...]
    """The epochs of fine-tuning, if any."""


@dataclass(frozen=True)
class Run:
    """One training."""

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

    def learner(self, backbone: BuiltBackbone) -> Learner:
        """The learner on the features of a backbone; those that the cache lacks are computed."""
        stores = compute_features(backbone, self.patches.fitted, self.patches.train, self.source, self.progress)
        recipe = self.source.recipe
        return Learner(stores, recipe.gains(backbone), recipe.head, self.target, recipe.seed)


def train_phases(run: Run) -> Trained:
    """Run both phases on the training and validation patients.

    Raises:
        WrongSetting: Both fine-tuning and cross-fitting are asked for.
        TrainerError: See `idc_trainer.errors`.
    """
    settings = run.source.recipe.fine_tuning
    if settings and run.patches.cross_fitted:
        raise WrongSetting("fine-tuning needs separate validation patients to stop: omit --cross-fit")
    backbone = read_backbone(run.source)
    run.source.recipe.gains(backbone)  # fails before any work if they do not fit
    if settings:
        check_stage(backbone, settings.from_stage)
    log = TensorBoardLog(run.folder / "tensorboard")
    epochs: tuple[Epoch, ...] = ()
    if settings:
        backbone, epochs = _fine_tune(backbone, settings, run, log)
    losses: list[float] = []

    def on_step(step: int, loss: float) -> None:
        losses.append(loss)
        log.head_step(step, loss)

    learned = run.learner(backbone).learn(run.patches, on_step)
    scores = learned.validation
    log.validation(scores, mean_patient_auc(scores.probability, scores.labels, scores.patients))
    return Trained(backbone, learned, tuple(losses), epochs)


def _fine_tune(
    backbone: BuiltBackbone, settings: FineTuning, run: Run, log: TensorBoardLog
) -> tuple[BuiltBackbone, tuple[Epoch, ...]]:
    """Fit a head on the frozen network, then train the last stages with it; returns the trained network."""
    head = run.learner(backbone).fit(run.patches.train)
    with fitting_precision():
        trainable = read_backbone(run.source)
        checkpoint = Checkpoint(run.folder / "fine-tuning")
        epochs = fine_tune(trainable, head, run.patches, run.source.recipe, checkpoint, run.progress, log.epoch)
    backbone.model.set_weights(trainable.model.get_weights())
    return replace(backbone, fine_tuned_from=settings.from_stage or backbone.stages[-1]), epochs
