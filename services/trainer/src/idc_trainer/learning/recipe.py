"""How the model is trained, apart from the data: chosen by leaving one patient out, see docs/training.md."""

from dataclasses import dataclass

from idc_trainer.backbones.efficientnet_lite0 import STAGES


@dataclass(frozen=True)
class Recipe:
    """The settings that a person may want to vary in an experiment; the defaults make the shipped model."""

    input_px: int = 160
    """The side to which the graph resizes a patch."""
    stages: tuple[str, ...] = STAGES
    """The stages whose pooled outputs feed the head."""
    stain_passes: int = 2
    """How often each training patch is seen with turned and jittered stain, besides as it is."""
    stain_strength: float = 0.3
    """See `augmentation.jitter_stain`."""
    stain_shift: float = 0.4
    """See `augmentation.jitter_stain`."""
    stage_gains: tuple[float, ...] = (4.0, 1.0)
    """See `head.fit_head`, one for each of `stages`."""
    penalty: float = 2.0
    """See `head.fit_head`."""
