"""Members of the classifier, and the classifier: the average of its members, each with its own calibration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import keras
import numpy as np

from idc_contracts import Check, Reason
from idc_contracts.bundle import Calibration
from idc_trainer.artefacts.kinds import Quality
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.learning.familiarity import Familiarity
from idc_trainer.learning.heads import Heads, as_float16
from idc_trainer.learning.network import patch_input, pooled_features, resized


@dataclass(frozen=True)
class Member:
    """One network with what was fitted to patients that it never saw."""

    backbone: BuiltBackbone
    heads: Heads
    calibration: Calibration
    familiarity: Familiarity


OUTPUTS: Final = ("distance", "little_tissue", "out_of_focus", "probability", "unfamiliar")
"""The classifier's outputs, each float32 [N]."""
AFTER_BACKBONE: Final = r".*/(idc|quality|place|average|Square|Sum|Sqrt|Softmax|Sigmoid)(_|/|$).*"
"""Matches the names of the graph's operations between the pooled features and the outputs."""
CHECKS: Final = (
    Check(reason=Reason.LITTLE_TISSUE, output="little_tissue", from_value=0.3),
    Check(reason=Reason.UNFAMILIAR, output="unfamiliar", from_value=0.1),
    Check(reason=Reason.UNFAMILIAR, output="distance", from_value=1.0),
    Check(reason=Reason.OUT_OF_FOCUS, output="out_of_focus", from_value=0.3),
)
"""When the classifier's further outputs make a patch uncertain.

Chosen on held-out training patients: together they flag some 2 % of an average patient's real patches.
"""


def build_classifier(members: tuple[Member, ...]) -> keras.Model:
    """Build the classifier.

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to OUTPUTS: `probability` is P(IDC), the sigmoid of the
        mean calibrated logit; `little_tissue`, `unfamiliar` and `out_of_focus` are mean shares of the second output,
        0.0-1.0; `distance` is the mean distance from what was learnt, in units of the training patients' quantile.
    """
    patch = patch_input()
    pixels = resized(patch, members[0].backbone.input_px)
    pooled: dict[int, Any] = {}  # heads on one frozen backbone share its features
    parts = []
    for number, member in enumerate(members):
        key = id(member.backbone)
        if key not in pooled:
            pooled[key] = pooled_features(pixels, _renamed(member.backbone, f"network_{number}"))
        parts.append(_member_outputs(member, pooled[key], number))
    logits, shares, distances = zip(*parts, strict=True)
    outputs = {
        "probability": _flat(keras.ops.sigmoid(_mean(logits)), "probability"),
        "distance": _flat(_mean(distances), "distance"),
    }
    for quality in Quality:
        if quality is not Quality.PATCH:
            # One column at a time: with a batch of 1, Keras adds a row of several as a bias, which no stick reads.
            column = _mean([share[:, int(quality) : int(quality) + 1] for share in shares])
            outputs[quality.name.lower()] = _flat(column, quality.name.lower())
    return keras.Model(patch, outputs, name="classifier")


def _renamed(backbone: BuiltBackbone, name: str) -> BuiltBackbone:
    """The same network by a name of its own: Keras wants names to be unique in a model."""
    return replace(backbone, model=keras.Model(backbone.model.input, backbone.model.outputs, name=name))


def _member_outputs(member: Member, features: Any, number: int) -> tuple[Any, Any, Any]:
    """Calibrated logit [N, 1], shares of the qualities [N, 4] and distance [N, 1]."""
    heads, calibration = member.heads, member.calibration
    weight = as_float16(heads.idc_weight / calibration.temperature)
    bias = as_float16(heads.idc_bias / calibration.temperature + calibration.bias)
    logit = _dense(features, weight, bias, f"idc_{number}")
    quality = _dense(features, as_float16(heads.quality_weight), as_float16(heads.quality_bias), f"quality_{number}")
    place = _dense(features, member.familiarity.projection, member.familiarity.offset, f"place_{number}")
    distance = keras.ops.sqrt(keras.ops.sum(keras.ops.square(place), axis=1, keepdims=True))
    return logit, keras.ops.softmax(quality, axis=1), distance


def _dense(features: Any, weight: np.ndarray, bias: np.ndarray, name: str) -> Any:
    layer = keras.layers.Dense(len(bias), dtype="float32", name=name)
    out = layer(features)
    layer.set_weights([weight, bias])
    return out


def _mean(parts: Sequence[Any]) -> Any:
    return keras.layers.Average()(list(parts)) if len(parts) > 1 else parts[0]


def _flat(column: Any, name: str) -> Any:
    return keras.layers.Reshape((), name=name)(column)
