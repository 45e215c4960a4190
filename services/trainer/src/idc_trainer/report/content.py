"""What a report is made of."""

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
    """A line of a chart."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """Lines over the same axes."""

    title: str
    x_name: str
    y_name: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class ReportContent:
    """All that `page.write_report` shows."""

    title: str
    command: str
    """The command that makes the report again."""
    data_sha256: str
    """Digest of the patches that were scored."""
    scored: ScoredPatches
    evaluation: Evaluation
    thresholds: Thresholds
    """Where the slider stands at first."""
    notes: tuple[str, ...] = ()
    """What a reader must know of how the figures came about."""
    left_out: tuple[LeftOut, ...] = ()
    """The files of the data set that were not used."""
    training: tuple[Chart, ...] = ()
    """How the training went."""
    image_of: Callable[[int], NDArray[np.uint8]] | None = None
    """A row's pixels: RGB, uint8, shape (side, side, 3). None where no patient's pixels may be shown."""
