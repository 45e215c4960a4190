"""The settings of training: docs/explanation/model.md says how they were chosen."""

from dataclasses import dataclass, field
from typing import Final

from idc_trainer.augmentation.augment import Augmentation
from idc_trainer.errors import WrongSetting

ALL: Final = "all"
NONE: Final = "none"


@dataclass(frozen=True)
class Schedule:
    """How a network, or a head on frozen features, is fitted."""

    steps: int = 4000
    batch: int = 64
    learning_rate: float = 8e-4
    """Of AdamW (Loshchilov & Hutter 2019) after a linear warm-up; from there a cosine down to 0."""
    warmup_steps: int = 100
    weight_decay: float = 0.01
    dropout: float = 0.3
    """Of the pooled features, 0.0-1.0."""
    label_smoothing: float = 0.05
    """0.0-1.0 (Szegedy et al. 2016, section 7)."""
    artefact_share: float = 0.14
    """Of a batch."""
    artefact_loss: float = 0.5
    """The weight of the second output's loss beside that of P(IDC)."""

    @property
    def artefacts(self) -> int:
        """How many of a batch are artefacts."""
        return round(self.batch * self.artefact_share)


HEAD_SCHEDULE: Final = Schedule(steps=2000, batch=256, learning_rate=1e-3, weight_decay=0.02)
"""For a head on frozen features, where a step costs milliseconds."""


@dataclass(frozen=True)
class Recipe:
    """All settings; the defaults make the shipped model."""

    backbone: str = "efficientnet_lite0"
    input_px: int | None = None
    """The side to which the graph resizes a patch; None takes the backbone's own."""
    stages: tuple[str, ...] = ()
    """The stages whose pooled outputs feed the heads; empty takes the backbone's default."""
    train_from: str = ALL
    """The first stage that is trained; `all` trains the whole backbone, `none` only heads on its frozen features."""
    schedule: Schedule = field(default_factory=Schedule)
    augmentation: Augmentation = field(default_factory=Augmentation)
    passes: int = 2
    """Augmented copies of each patch whose features are cached beside the unchanged ones, if no stage is trained."""
    folds: int = 6
    """Into so many groups the patients are divided for cross-fitting."""
    networks: int = 2
    """So many networks are trained and averaged, each without one of the groups, on which it is calibrated."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.networks <= self.folds:
            raise WrongSetting(
                f"{self.networks} networks on {self.folds} folds: take at most one network for each fold"
            )
        if not self.schedule.artefacts or self.schedule.batch - self.schedule.artefacts < 2:
            raise WrongSetting(f"a batch of {self.schedule.batch} is too small: take at least 8")

    @property
    def is_frozen(self) -> bool:
        return self.train_from == NONE
