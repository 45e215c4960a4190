"""The content of a report."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_trainer.data.left_out import LeftOut
from idc_trainer.evaluation.bootstrap import Evaluation
from idc_trainer.evaluation.scored_patches import ScoredPatches

NOTICE = "Research use only, not a medical device."


@dataclass(frozen=True)
class Curve:
    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    title: str
    x_name: str
    y_name: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class ReportContent:
    title: str
    command: str
    """The command that reproduces the report."""
    data_sha256: str
    """Digest of the patches that were scored."""
    scored: ScoredPatches
    evaluation: Evaluation
    thresholds: Thresholds
    """The initial positions of the sliders."""
    notes: tuple[str, ...] = ()
    """What a reader must know about how the metrics were obtained."""
    left_out: tuple[LeftOut, ...] = ()
    training: tuple[Chart, ...] = ()
    image_of: Callable[[int], NDArray[np.uint8]] | None = None
    """The pixels of a row: RGB, uint8, shape (side, side, 3); None if no patient's pixels may be shown."""
