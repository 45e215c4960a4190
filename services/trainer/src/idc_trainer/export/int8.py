"""Makes the INT8 twin of a classifier and judges whether it is good enough to keep."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import nncf
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_trainer.data.index import PatchIndex
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.graphs.runner import GraphRunner
from idc_trainer.learning.ensemble import AFTER_BACKBONE

CALIBRATION_PATCHES: Final = 300
"""Patches on which NNCF measures the range of each layer: its own default."""
MOST_AUC_DROP: Final = 0.002


@dataclass(frozen=True)
class Int8Twin:
    """An INT8 graph and what it costs."""

    graph: ov.Model
    auc_drop: float
    """Mean within-patient AUC of the members on patients that they never saw: FP16 minus INT8."""

    @property
    def kept(self) -> bool:
        return self.auc_drop < MOST_AUC_DROP


@dataclass(frozen=True)
class Judged:
    """One member's graph with the patients on which its INT8 version is judged."""

    graph: ov.Model
    """From `patch` to OUTPUTS of the classifier, of this member alone."""
    train: PatchIndex
    held_out: PatchIndex
    expected: NDArray[np.floating]
    """P(IDC) of `held_out` by the graph, shape (N,)."""


def quantize(graph: ov.Model, patches: NDArray[np.uint8]) -> ov.Model:
    """Quantise a graph by NNCF's post-training quantisation with full bias correction.

    What follows the backbone keeps float arithmetic: the outputs are most sensitive to it.

    Args:
        graph: From `patch`, uint8 [N, 50, 50, 3] RGB 0-255.
        patches: Calibration patches, uint8 [N, 50, 50, 3] RGB.
    """
    logging.getLogger("nncf").setLevel(logging.ERROR)
    dataset = nncf.Dataset([patch[None] for patch in patches])
    quantized: ov.Model = nncf.quantize(
        graph,
        dataset,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(patches),
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(types=["MatMul"], patterns=[AFTER_BACKBONE], validate=False),
    )
    return quantized


def make_twin(classifier: ov.Model, training: PatchIndex, members: Sequence[Judged]) -> Int8Twin:
    """Quantise the classifier, and judge how much that costs by its members on patients that they never saw.

    The classifier itself saw every patient by one member or another, and INT8 shows no loss on what was trained on.

    Args:
        classifier: The FP16 graph.
        training: The patches from which the classifier's calibration patches are drawn.
        members: Its members.
    """
    drops = [_drop(member) for member in members]
    return Int8Twin(quantize(classifier, _some(training)), round(float(np.mean(drops)), 5))


def _drop(member: Judged) -> float:
    found = GraphRunner(quantize(member.graph, _some(member.train))).run_all(member.held_out)["probability"]
    labels, patients = member.held_out.labels, member.held_out.patients
    return mean_patient_auc(member.expected, labels, patients) - mean_patient_auc(found, labels, patients)


def _some(index: PatchIndex) -> NDArray[np.uint8]:
    rows = np.random.default_rng(0).permutation(len(index))[:CALIBRATION_PATCHES]
    return np.stack([index.decode(int(row)) for row in rows])
