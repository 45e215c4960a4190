"""The settings of training, chosen by leaving one patient out: docs/explanation/model.md."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.errors import WrongSetting
from idc_trainer.features.variants import Jittered, Plain, Variant
from idc_trainer.learning.head import HeadSettings


@dataclass(frozen=True)
class Stain:
    """Augmented copies of training patches, in addition to the unchanged ones."""

    passes: int = 6
    strength: float = 0.3
    """See `augmentation.jitter_stain`."""
    shift: float = 0.4
    """See `augmentation.jitter_stain`."""


@dataclass(frozen=True)
class FineTuning:
    """Fine-tuning of the last stages."""

    epochs: int = 8
    """The maximum; training ends earlier if the AUC of the validation patients stops rising."""
    from_stage: str | None = None
    """The first stage that is trained; None trains the last one only."""
    batch: int = 32
    steps_per_epoch: int = 200
    learning_rate: float = 1e-4
    """Of Adam, at the first step, with cosine decay to zero (Loshchilov & Hutter 2017)."""
    patience: int = 2
    """Epochs without a better AUC after which training ends."""


@dataclass(frozen=True)
class Recipe:
    """All settings; the defaults make the shipped model."""

    backbone: str = "efficientnet_lite0"
    input_px: int | None = None
    """The side to which the graph resizes a patch; None takes the backbone's own."""
    stages: tuple[str, ...] = ()
    """The stages whose pooled outputs feed the head; empty takes the backbone's default."""
    stage_gains: tuple[float, ...] | None = None
    """The feature scale of each stage, see `head.fit_head`; None: see `gains`."""
    head: HeadSettings = field(default_factory=lambda: HeadSettings(penalty=0.2))
    stain: Stain = field(default_factory=Stain)
    fine_tuning: FineTuning | None = None
    seed: int = 0

    def variants(self) -> tuple[Variant, ...]:
        """The variants of training patches; the first is the unchanged patch."""
        stain = self.stain
        jittered = (Jittered(self.seed, n + 1, stain.strength, stain.shift) for n in range(stain.passes))
        return (Plain(), *jittered)

    def gains(self, backbone: BuiltBackbone) -> NDArray[np.float64]:
        """The scale of each pooled feature, float64, shape (features,); by default larger for finer stages.

        Raises:
            WrongSetting: The number of gains is not that of the stages.
        """
        widths = backbone.stage_widths
        gains = self.stage_gains or _DEFAULT_GAINS.get(backbone.stages, (1.0,) * len(widths))
        if len(gains) != len(widths):
            raise WrongSetting(f"{len(gains)} stage gains for {len(widths)} stages: give one for each")
        return np.repeat(np.array(gains), widths)


_DEFAULT_GAINS: Final[dict[tuple[str, ...], tuple[float, ...]]] = {
    ("stage3", "stage4", "stage5", "stage6"): (8.0, 4.0, 1.0, 0.5)
}
