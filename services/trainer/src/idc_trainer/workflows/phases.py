"""The two phases of training: a head on frozen features, then, if the recipe says so, the last stages with it."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from idc_modelio.bundles import file_sha256
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.errors import WrongSetting
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.learning.checkpoint import Checkpoint, Epoch
from idc_trainer.learning.fine_tuning import FineTuningData, check_stage, fine_tune, fitting_precision
from idc_trainer.learning.learner import Learned, Learner
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import FineTuning
from idc_trainer.learning.tensorboard_log import TensorBoardLog
from idc_trainer.progress import Progress
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.workflows.preparation import Source, compute_features, make_learner, read_backbone


@dataclass(frozen=True)
class Trained:
    """All that was learned, and how it went."""

    backbone: BuiltBackbone
    learned: Learned
    head_losses: tuple[float, ...]
    """The objective after each step of the head's last fit."""
    epochs: tuple[Epoch, ...]
    """The epochs of the second phase; empty where there was none."""


@dataclass(frozen=True)
class Run:
    """One training: its patches, what is wanted, and who is told."""

    patches: DividedPatches
    source: Source
    target: Target
    progress: Progress

    @cached_property
    def folder(self) -> Path:
        """Where its logs and checkpoints are.

        Its name comes from all that decides the run's course, so that only the very same run goes on from them.
        """
        index, weights = self.patches.index, self.source.weights
        owned = (index.digests.tolist(), index.labels.tolist(), index.patients.tolist())
        decided = (owned, self.patches.split.id, self.source.recipe, file_sha256(weights) if weights else None)
        return self.source.cache / "runs" / hashlib.sha256(repr(decided).encode()).hexdigest()[:16]

    def learner(self, backbone: BuiltBackbone) -> Learner:
        """The learner on the features of a backbone, which are computed where the cache lacks them."""
        stores = compute_features(backbone, self.patches.fitted, self.patches.train, self.source, self.progress)
        return make_learner(stores, backbone, self.source.recipe, self.target)


def train_phases(run: Run) -> Trained:
    """Do both phases on the training and validation patients.

    Raises:
        WrongSetting: Both fine-tuning and cross-fitting are asked for.
        TrainerError: See `idc_trainer.errors`.
    """
    settings = run.source.recipe.fine_tuning
    if settings and run.patches.cross_fitted:
        raise WrongSetting("fine-tuning stops by validation patients of its own: leave out --cross-fit")
    backbone = read_backbone(run.source)
    run.source.recipe.gains(backbone)  # told before any work if they do not fit
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
    seen = learned.validation
    log.validation(seen, mean_patient_auc(seen.probability, seen.labels, seen.patients))
    return Trained(backbone, learned, tuple(losses), epochs)


def _fine_tune(
    backbone: BuiltBackbone, settings: FineTuning, run: Run, log: TensorBoardLog
) -> tuple[BuiltBackbone, tuple[Epoch, ...]]:
    """Start from a head on the frozen network and let the last stages learn; returns the network that they became."""
    head = run.learner(backbone).fit(run.patches.train)
    with fitting_precision():
        learning = read_backbone(run.source)
        data = FineTuningData(run.patches.train, run.patches.validation)
        checkpoint = Checkpoint(run.folder / "fine-tuning")
        epochs = fine_tune(learning, head, data, run.source.recipe, checkpoint, run.progress, log.epoch)
    backbone.model.set_weights(learning.model.get_weights())
    return replace(backbone, fine_tuned_from=settings.from_stage or backbone.stages[-1]), epochs
