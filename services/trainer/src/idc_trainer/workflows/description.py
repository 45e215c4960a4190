"""Describes a trained model as the manifest of its bundle."""

from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as package_version
from typing import Final, Literal

from idc_contracts import utc_now
from idc_contracts.bundle import (
    PATCH,
    Backbone,
    BundleManifest,
    Dataset,
    Int8,
    PatientMetrics,
    SelfTest,
    Split,
)
from idc_trainer.evaluation.bootstrap import Evaluation, MeasuredParts
from idc_trainer.export import self_test
from idc_trainer.export.int8 import MOST_AUC_DROP, Int8Twin
from idc_trainer.learning.ensemble import CHECKS
from idc_trainer.learning.operating_point import Target, describe_point
from idc_trainer.learning.reference import learn_reference
from idc_trainer.learning.slide_scores import learn_slide_scores
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.split import PatientSplit
from idc_trainer.workflows.export import Exported
from idc_trainer.workflows.phases import Trained

_TOLERANCE: Final = 0.02
"""The largest |dp| with which a bundle still passes its self-test."""
_INT8_TOLERANCE: Final = 0.1
"""Processors without INT8 instructions round otherwise."""


@dataclass(frozen=True)
class Description:
    """All that a manifest is made from."""

    name: str
    version: str
    command: str
    target: Target
    patches: DividedPatches
    trained: Trained
    exported: Exported
    parts: MeasuredParts


def describe(found: Description) -> BundleManifest:
    """The manifest without its list of files."""
    trained, built, twin = found.trained, found.trained.members[0].backbone, found.exported.twin
    split, seen = _used_split(found), found.trained.held_out
    used = found.patches.index.of({*split.train, *split.validation, *split.test})
    return BundleManifest.model_construct(
        schema_version=1,
        name=found.name,
        version=found.version,
        created_at=utc_now(),
        code_version=package_version("idc-trainer"),
        command=found.command,
        labels=("no_idc", "idc"),
        patch=PATCH,
        backbone=Backbone(**{name: getattr(built, name) for name in Backbone.model_fields}),
        calibration=tuple(member.calibration for member in trained.members),
        thresholds=trained.thresholds,
        checks=CHECKS,
        operating_point=describe_point(
            trained.thresholds, found.target, seen.probability, seen.index.labels, seen.index.patients
        ),
        slide_scores=learn_slide_scores(seen),
        reference=learn_reference(seen, trained.thresholds),
        split=Split(id=split.id, cross_fitted=found.patches.cross_fitted, **asdict(split)),
        dataset=Dataset(sha256=used.sha256(), patches=len(used), positives=int(used.labels.sum())),
        metrics=(*_patient_metrics(found.parts.test.evaluation, "test"), *_of_validation(found)),
        self_test=SelfTest(file=self_test.FILE, patches=self_test.COUNT, tolerance=_TOLERANCE),
        parity=found.exported.parity,
        int8=_int8(twin) if twin else None,
        precision="FP16",
        files={},
    )


def _int8(twin: Int8Twin) -> Int8:
    vector = SelfTest(file=f"int8/{self_test.FILE}", patches=self_test.COUNT, tolerance=_INT8_TOLERANCE)
    return Int8(
        kept=twin.kept,
        auc_drop=twin.auc_drop,
        auc_drop_limit=MOST_AUC_DROP,
        self_test=vector if twin.kept else None,
    )


def _used_split(found: Description) -> PatientSplit:
    """The split, with those patients for validation that calibration and thresholds were chosen on."""
    held_out = tuple(sorted(set(found.trained.held_out.index.patients.tolist())))
    return replace(found.patches.split, validation=held_out)


def _of_validation(found: Description) -> list[PatientMetrics]:
    """Cross-fitted, they are many and of single networks: card and report have their spread."""
    return [] if found.patches.cross_fitted else _patient_metrics(found.parts.validation.evaluation, "validation")


def _patient_metrics(evaluation: Evaluation, part: Literal["validation", "test"]) -> list[PatientMetrics]:
    """The metrics of each patient; the manifest keeps ECE and Brier score without their intervals."""
    metrics = []
    for patient, figures in evaluation.patients.items():
        values = figures.model_dump()
        values |= {name: values[name]["value"] for name in ("ece", "brier")}
        metrics.append(PatientMetrics(patient=patient, side=part, **values))
    return metrics
