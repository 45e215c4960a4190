"""The manifest of a model bundle: all that is needed to serve a model and to trust it.

A bundle is the folder `<name>/<version>/`, complete and immutable. `manifest.json` lists the SHA-256 of every other
file, so that the digest of the manifest identifies the whole bundle.
"""

from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from idc_contracts.base import Contract, Probability, Sha256
from idc_contracts.decision import Check, Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_contracts.training_reference import TrainingReference

MANIFEST_NAME: Final = "manifest.json"


class PatchSpec(Contract):
    """The input of the compiled graph: uint8 [N, height, width, 3], values 0-255; all scaling is inside the graph."""

    height_px: int = Field(ge=1, le=4096)
    width_px: int = Field(ge=1, le=4096)
    dtype: Literal["uint8"] = "uint8"
    layout: Literal["NHWC"] = "NHWC"
    colour_order: Literal["RGB"] = "RGB"


PATCH: Final = PatchSpec(height_px=50, width_px=50)
"""The patch that the project's models take: the size of the public data set."""


class Backbone(Contract):
    """The pretrained network under the head."""

    name: str
    stages: tuple[str, ...] = Field(description="The stages whose pooled outputs feed the head.")
    input_px: int = Field(ge=1, description="Side length to which the graph resizes a patch.")
    weights_source: str = Field(description="Package or file with the weights.")
    weights_sha256: Sha256
    fine_tuned_from: str | None = Field(
        default=None, description="The first stage that was fine-tuned on histology; null if none was."
    )


class Calibration(Contract):
    """P(IDC) = sigmoid(logit / temperature + bias), fitted on validation patients.

    Temperature: Guo et al. 2017, "On calibration of modern neural networks"; with the bias: Platt 1999.
    """

    temperature: float = Field(gt=0.0, allow_inf_nan=False)
    bias: float = Field(default=0.0, allow_inf_nan=False)


class Split(Contract):
    """Which patients were used for what."""

    id: Sha256 = Field(description="Digest of the three sorted lists.")
    train: tuple[str, ...] = Field(min_length=1)
    validation: tuple[str, ...] = Field(min_length=1)
    test: tuple[str, ...]
    cross_fitted: bool = Field(
        default=False,
        description="Validation patients are training patients, each scored for calibration and thresholds by a "
        "network trained without it.",
    )

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        if self.cross_fitted and not {*self.validation} <= {*self.train}:
            raise ValueError("a cross-fitted split validates on training patients")
        sides = [*self.train, *(() if self.cross_fitted else self.validation), *self.test]
        twice = sorted({patient for patient in sides if sides.count(patient) > 1})
        if twice:
            raise ValueError(f"patients are on two sides of the split: {', '.join(twice)}")
        return self


class Dataset(Contract):
    """The data behind the model."""

    sha256: Sha256 = Field(description="Digest of the sorted digests of all patches, of all sides of the split.")
    patches: int = Field(ge=1)
    positives: int = Field(ge=0)


class Estimate(Contract):
    """A metric with its 95 % confidence interval; without one where there is too little to tell from."""

    value: float
    low: float | None = None
    high: float | None = None


class OperatingPoint(Contract):
    """The targets of the thresholds, and what they reach on the validation patients; null in older manifests."""

    target_sensitivity: Probability = Field(description="Least share of a patient's positives that are not `no_idc`.")
    target_specificity: Probability = Field(description="Least share of a patient's negatives that are not `idc`.")
    target_patients: Probability | None = Field(
        default=None, description="Least share of new patients that keep each of the two, by conformal risk control."
    )
    target_uncertain: Probability | None = Field(
        default=None, description="Largest share of uncertain patches, mean of the patients."
    )
    target_band_width: Probability | None = Field(
        default=None, description="Largest width of the uncertain band of P(IDC); in older manifests only."
    )
    sensitivity_patients: int | None = Field(
        default=None, ge=0, description="Validation patients behind the lower threshold: with enough positives."
    )
    sensitivity_kept_by: Probability | None = Field(
        default=None,
        description="Share of new patients that keep the sensitivity, at least, on average over trainings.",
    )
    specificity_patients: int | None = Field(
        default=None, ge=0, description="Validation patients behind the upper threshold: with enough negatives."
    )
    specificity_kept_by: Probability | None = Field(
        default=None,
        description="Share of new patients that keep the specificity, at least, on average over trainings.",
    )
    validation_sensitivity: Probability | None = Field(description="Share of decided positives that are `idc`.")
    validation_specificity: Probability | None = Field(description="Share of decided negatives that are `no_idc`.")
    validation_coverage: Probability = Field(description="Share of patches that are decided, not `uncertain`.")
    validation_misses: Probability | None = Field(default=None, description="Share of all positives that are `no_idc`.")
    validation_false_alarms: Probability | None = Field(
        default=None, description="Share of all negatives that are `idc`."
    )
    validation_uncertain: Probability | None = Field(
        default=None, description="Share of uncertain patches, mean of the patients."
    )
    missed: tuple[str, ...] = Field(default=(), description="The targets that are missed, and by how much, as text.")


class PatientMetrics(Contract):
    """Metrics of the compiled model on one patient; None if the patient lacks a class that the metric needs."""

    patient: str
    side: Literal["validation", "test"]
    patches: int = Field(ge=1)
    positives: int = Field(ge=0)
    auc: Estimate | None = None
    auprc: Estimate | None = Field(default=None, description="Average precision.")
    balanced_accuracy_at_half: Estimate | None = Field(default=None, description="Over all patches, cut at P(IDC) 0.5.")
    f1_at_half: Estimate | None = Field(default=None, description="Over all patches, cut at P(IDC) 0.5.")
    sensitivity_at_half: Estimate | None = Field(default=None, description="Over all positives, cut at P(IDC) 0.5.")
    specificity_at_half: Estimate | None = Field(default=None, description="Over all negatives, cut at P(IDC) 0.5.")
    misses: Estimate | None = Field(default=None, description="Share of all positives that are `no_idc`.")
    false_alarms: Estimate | None = Field(default=None, description="Share of all negatives that are `idc`.")
    balanced_accuracy: Estimate | None = Field(default=None, description="Over the decided; in older manifests only.")
    f1: Estimate | None = Field(default=None, description="Over the decided; in older manifests only.")
    sensitivity: Estimate | None = Field(default=None, description="Over the decided; in older manifests only.")
    specificity: Estimate | None = Field(default=None, description="Over the decided; in older manifests only.")
    coverage: Estimate = Field(description="Share of patches that are decided.")
    ece: float | None = Field(default=None, ge=0.0, le=1.0, description="15 bins of equal width (Guo et al. 2017).")
    brier: float = Field(ge=0.0, le=1.0)


class SelfTest(Contract):
    """Synthetic patches with their results, so that a device can show that it computes what was measured."""

    file: str
    patches: int = Field(ge=1)
    tolerance: float = Field(gt=0.0, le=0.1, description="Largest allowed absolute difference of P(IDC).")


class Parity(Contract):
    """Largest differences of P(IDC) between the exported graphs and Keras on the same patches."""

    patches: int = Field(ge=1)
    max_dp_openvino: float = Field(ge=0.0)
    max_dp_onnx: float = Field(ge=0.0)
    max_dp_int8: float | None = Field(default=None, ge=0.0, description="Null without an INT8 graph.")


class Precision(StrEnum):
    """The precision of a bundle's graph."""

    FP16 = "fp16"
    """`model.xml`, with which everything in the manifest was measured; its weights are FP16, its arithmetic float32."""
    INT8 = "int8"
    """`int8/model.xml`, where the bundle has it: about twice as fast."""


class Int8(Contract):
    """The INT8 version of the graph; part of the bundle only if its AUC drops less than the limit."""

    kept: bool = Field(description="Whether `int8/model.xml` is part of the bundle.")
    auc_drop: float = Field(description="Mean within-patient AUC on patients not used for training: FP16 minus INT8.")
    auc_drop_limit: float = Field(gt=0.0)
    self_test: SelfTest | None = Field(default=None, description="Of the INT8 graph; null in older manifests.")


class BundleManifest(Contract):
    """The content of `manifest.json`."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    version: str = Field(pattern=r"^[1-9][0-9]*$", description="A whole number; larger is newer.")
    created_at: AwareDatetime
    code_version: str
    command: str = Field(description="The command that reproduces the bundle.")
    labels: tuple[Literal["no_idc"], Literal["idc"]] = ("no_idc", "idc")
    patch: PatchSpec
    backbone: Backbone
    calibration: Calibration | tuple[Calibration, ...] = Field(
        description="One for each of the networks whose calibrated logits are averaged; a single one if there is one."
    )
    thresholds: Thresholds
    checks: tuple[Check, ...] = Field(
        default=(), description="Limits for further outputs of the graph, each with the reason that it gives."
    )
    operating_point: OperatingPoint
    slide_scores: SlideScores | None = Field(
        default=None, description="For the cut of a whole slide; null if the training had no neighbouring patches."
    )
    reference: TrainingReference | None = Field(
        default=None, description="What later patches are compared with; null in older manifests."
    )
    split: Split
    dataset: Dataset
    metrics: tuple[PatientMetrics, ...]
    self_test: SelfTest
    parity: Parity
    int8: Int8 | None = Field(default=None, description="Null if no INT8 graph was made.")
    precision: Literal["FP16", "FP32", "INT8"]
    files: dict[str, Sha256] = Field(description="All files of the bundle except the manifest, by relative POSIX path.")

    @model_validator(mode="after")
    def _names_what_it_needs(self) -> Self:
        needed = {"model.xml", "model.bin", "MODEL_CARD.md", self.self_test.file}
        if self.int8 and self.int8.kept:
            needed |= {"int8/model.xml", "int8/model.bin"}
            needed |= {self.int8.self_test.file} if self.int8.self_test else set()
        missing = needed - self.files.keys()
        if missing:
            raise ValueError(f"files lacks {', '.join(sorted(missing))}")
        return self

    @model_validator(mode="after")
    def _checks_once(self) -> Self:
        pairs = [(check.reason, check.output) for check in self.checks]
        twice = sorted({f"{reason} by {output}" for reason, output in pairs if pairs.count((reason, output)) > 1})
        if twice:
            raise ValueError(f"checks has more than one limit for {', '.join(twice)}")
        return self
