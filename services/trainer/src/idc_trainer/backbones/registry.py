"""The backbones by name."""

from pathlib import Path
from typing import Final

from idc_trainer.backbones.base import Backbone, BuiltBackbone
from idc_trainer.backbones.efficientnet_lite0 import EFFICIENTNET_LITE0
from idc_trainer.backbones.inception_v3 import INCEPTION_V3
from idc_trainer.backbones.mobilenet_v3_small import MOBILENET_V3_SMALL
from idc_trainer.errors import WrongSetting

BACKBONES: Final = {kind.name: kind for kind in (EFFICIENTNET_LITE0, INCEPTION_V3, MOBILENET_V3_SMALL)}


def find_backbone(name: str) -> Backbone:
    """The backbone of that name. Raises `WrongSetting` if there is none."""
    if name not in BACKBONES:
        raise WrongSetting(f"there is no backbone {name!r}: choose one of {', '.join(BACKBONES)}")
    return BACKBONES[name]


def build_backbone(name: str, input_px: int | None, stages: tuple[str, ...], weights: Path | None) -> BuiltBackbone:
    """Build a backbone with its weights.

    Args:
        name: One of BACKBONES.
        input_px: The side of its input; None takes the backbone's default.
        stages: The stages to use, in any order; empty takes the backbone's default.
        weights: A file of weights; None takes the backbone's own source.

    Raises:
        WrongSetting: The name, a stage or the side is not available.
        WeightsMissing: The weights cannot be read.
        WeightsChanged: The weights are not those of this network.
    """
    kind = find_backbone(name)
    unknown = sorted({*stages} - {*kind.stages})
    if unknown:
        raise WrongSetting(f"{name} has no stage {unknown[0]!r}: choose among {', '.join(kind.stages)}")
    side = kind.default_input_px if input_px is None else input_px
    if side < kind.least_input_px:
        raise WrongSetting(f"{name} takes images from {kind.least_input_px} px on, not {side}: raise --input-px")
    wanted = stages or kind.default_stages
    return kind.build(side, tuple(stage for stage in kind.stages if stage in wanted), weights)
