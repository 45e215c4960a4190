"""Makes the INT8 twin of a classifier and judges whether it is good enough to keep."""

import logging
from dataclasses import dataclass
from typing import Final

import nncf
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_trainer.data.index import PatchIndex
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.graphs.runner import GraphRunner
from idc_trainer.splits.divided import DividedPatches

CALIBRATION_PATCHES: Final = 300
"""Patches on which NNCF measures the range of each layer: its own default."""
MOST_AUC_DROP: Final = 0.002


@dataclass(frozen=True)
class Int8Twin:
    """An INT8 graph and the FP16 one that it was made from."""

    graph: ov.Model
    auc_drop: float
    """Mean within-patient AUC on patients that the graph was not trained on: FP16 minus INT8."""

    @property
    def kept(self) -> bool:
        return self.auc_drop < MOST_AUC_DROP


def quantize(classifier: ov.Model, patches: NDArray[np.uint8]) -> ov.Model:
    """Quantise a classifier by NNCF's post-training quantisation with full bias correction.

    The head keeps float arithmetic: P(IDC) is most sensitive to it.

    Args:
        classifier: From `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to `probability`.
        patches: Calibration patches, uint8 [N, 50, 50, 3] RGB.
    """
    logging.getLogger("nncf").setLevel(logging.ERROR)
    dataset = nncf.Dataset([patch[None] for patch in patches])
    quantized: ov.Model = nncf.quantize(
        classifier,
        dataset,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(patches),
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(types=["MatMul"], validate=False),
    )
    return quantized


def make_twin(
    classifier: ov.Model, training: PatchIndex, judged: PatchIndex, expected: NDArray[np.float32]
) -> Int8Twin:
    """Quantise on training patches and compare on others.

    Args:
        classifier: The FP16 graph.
        training: The patches from which the calibration patches are drawn.
        judged: The patches on which both graphs are compared.
        expected: P(IDC) of `judged` by the FP16 graph, float32, shape (N,).
    """
    rows = np.random.default_rng(0).permutation(len(training))[:CALIBRATION_PATCHES]
    graph = quantize(classifier, np.stack([training.decode(int(row)) for row in rows]))
    found = GraphRunner(graph).run_all(judged)
    labels, patients = judged.labels, judged.patients
    drop = mean_patient_auc(expected, labels, patients) - mean_patient_auc(found, labels, patients)
    return Int8Twin(graph, round(drop, 5))


def judged_on_training(patches: DividedPatches) -> bool:
    """Whether the INT8 graph is judged on patients that the graph was trained on.

    With cross-fitting the graph was trained on the validation patients, on which INT8 shows no loss. It is then judged
    on the test patients, which can only remove the INT8 graph, not improve a metric, unless they have one class only.
    """
    return patches.cross_fitted and len(np.unique(patches.test.labels)) < 2
