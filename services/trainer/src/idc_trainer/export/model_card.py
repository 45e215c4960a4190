"""Words `MODEL_CARD.md`: what the model is, what it was made from, what it reaches and where it fails."""

from dataclasses import dataclass

import numpy as np

from idc_contracts import Thresholds
from idc_contracts.bundle import BundleManifest, PatientMetrics
from idc_trainer.evaluation.bootstrap import Evaluation, Figures
from idc_trainer.evaluation.named_list import ListResult
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.sides import MeasuredSides
from idc_trainer.export.card_data import Provenance, data_limits, data_section, plain
from idc_trainer.export.int8 import judges_learned
from idc_trainer.graphs.parity import LIMIT
from idc_trainer.learning.operating_point import reached
from idc_trainer.learning.recipe import Recipe
from idc_trainer.report.content import NOTICE
from idc_trainer.report.tables import format_estimate
from idc_trainer.splits.divided import DividedPatches


@dataclass(frozen=True)
class Findings:
    """What was found out of a model and is not in its manifest."""

    patches: DividedPatches
    provenance: Provenance
    recipe: Recipe
    sides: MeasuredSides
    listed: ListResult | None
    """The figures of a named list of test patches."""
    cross_validation: Evaluation | None
    """The figures of the same recipe on patients that were held out."""


def model_card(manifest: BundleManifest, found: Findings) -> str:
    """The card as Markdown."""
    sections = [
        _head(manifest),
        _model(manifest, found),
        data_section(manifest, found.patches, found.provenance),
        _operating_point(manifest),
        _figures(manifest, found.sides),
        _cross_validation(found.cross_validation) if found.cross_validation else "",
        _list_result(manifest, found.listed) if found.listed else "",
        _limits(found),
        f"## Make it again\n\n```\n{manifest.command}\n```",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(manifest: BundleManifest) -> str:
    patch = manifest.patch
    return (
        f"# Model card: {manifest.name}, version {manifest.version}\n\n**{NOTICE}**\n\n"
        f"Says how likely a {patch.width_px} x {patch.height_px} px patch of an H&E-stained breast slide, at the scale "
        "of the patches that it was made from, holds invasive ductal carcinoma (IDC). Made "
        f"{manifest.created_at:%Y-%m-%d} by idc-trainer {manifest.code_version}."
    )


def _model(manifest: BundleManifest, found: Findings) -> str:
    backbone, parity = manifest.backbone, manifest.parity
    learned = f"fine-tuned from {backbone.fine_tuned_from} on" if backbone.fine_tuned_from else "frozen"
    copies = (
        f", and on {found.recipe.stain.passes} copies of each that are turned, mirrored and jittered in stain "
        "(Tellez et al. 2018)"
        if found.recipe.stain.passes
        else ""
    )
    return (
        "## Model\n\n"
        f"- Backbone: {backbone.name}, weights: {backbone.weights_source} (SHA-256 `{backbone.weights_sha256}`), "
        f"{learned}; stages {', '.join(backbone.stages)}, globally averaged; "
        f"the graph resizes a patch to {backbone.input_px} px.\n"
        f"- Head: logistic regression, classes and patients balanced, trained on the patches as they are{copies}.\n"
        f"- Output: P(IDC), calibrated with temperature {manifest.calibration.temperature:.3f} and bias "
        f"{manifest.calibration.bias:.3f} for equal prevalence of both classes.\n"
        f"- Precision: {manifest.precision}. On {parity.patches} training patches P(IDC) differs from Keras by at most "
        f"{parity.max_dp_openvino:g} (OpenVINO) and {parity.max_dp_onnx:g} (ONNX); {LIMIT:g} is allowed. Figures were "
        "measured with float32 arithmetic: on CPUs that know bfloat16, set OpenVINO's inference precision to f32.\n"
        f"- {_int8(manifest, found.patches)}"
    )


def _int8(manifest: BundleManifest, patches: DividedPatches) -> str:
    twin = manifest.int8
    if twin is None:
        return "INT8: none was made."
    fate = "is in `int8/`" if twin.kept else "was not kept"
    whom = (
        "the training patients, since the test patients have one class only: others may lose more"
        if judges_learned(patches)
        else "patients that it did not learn from"
    )
    return (
        f"INT8: the NNCF twin {fate}. The AUC of FP16 minus that of INT8 is {twin.auc_drop:g} (mean of the patients "
        f"with both classes, else of all patches; less than {twin.auc_drop_limit:g} is allowed), measured on {whom}. "
        f"Single P(IDC) move by up to {manifest.parity.max_dp_int8:g}: measure INT8 before you decide by it with these "
        "thresholds."
    )


def _operating_point(manifest: BundleManifest) -> str:
    point, cuts = manifest.operating_point, manifest.thresholds
    on = (
        "the training patients, each scored by heads that never saw it (cross-fitting)"
        if manifest.split.cross_fitted
        else "the validation patients"
    )
    return (
        "## Decision\n\n"
        f"P(IDC) below {cuts.no_idc_below:g} is `no_idc`, from {cuts.idc_from:g} on `idc`, between them `uncertain`. "
        f"The lower cut keeps {point.target_sensitivity:.0%} of the positives above it; the upper cut keeps "
        f"{point.target_specificity:.0%} of the negatives below it, but is at most {point.target_band_width:g} above "
        f"the lower one. Both were chosen on {on}; classes and patients weigh the same. There, over the decided "
        f"patches, they reach sensitivity {point.validation_sensitivity:.3f} and specificity "
        f"{point.validation_specificity:.3f} and decide {point.validation_coverage:.1%}."
    )


def _figures(manifest: BundleManifest, sides: MeasuredSides) -> str:
    at_half = {**_at_half(sides.validation.scored), **_at_half(sides.test.scored)}
    rows = [_figure_row(metrics, at_half[metrics.patient]) for metrics in manifest.metrics]
    validation = (
        "Validation rows are of the heads that never saw the patient; test rows are of the compiled graph. "
        if manifest.split.cross_fitted
        else ""
    )
    return (
        "## Figures of the compiled model\n\n"
        f"Value and 95 % interval. {validation}Intervals come from resampling the patches of the one patient "
        f"({sides.test.evaluation.resamples} times, each class for itself): they do not say how much patients differ, "
        "and one without width says only that no resampled patch was wrong. Sensitivity, specificity and balanced "
        "accuracy are over the decided patches. A patient with one class has no AUC.\n\n"
        "| patient | side | patches (IDC) | AUC | sensitivity | specificity | balanced accuracy | coverage | ECE "
        "| Brier | balanced accuracy at 0.5 |\n|---|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(rows)
    )


def _at_half(scored: ScoredPatches) -> dict[str, float]:
    """Each patient's balanced accuracy with one cut at 0.5 and no uncertain band; NaN where a class is missing."""
    found = {}
    for patient in np.unique(scored.patients).tolist():
        part = scored.of(patient)
        at = reached(Thresholds(no_idc_below=0.5, idc_from=0.5), part.probability, part.labels)
        found[patient] = (at.sensitivity + at.specificity) / 2
    return found


def _figure_row(metrics: PatientMetrics, at_half: float) -> str:
    estimates = (metrics.auc, metrics.sensitivity, metrics.specificity, metrics.balanced_accuracy, metrics.coverage)
    cells = [
        plain(metrics.patient),
        metrics.side,
        f"{metrics.patches} ({metrics.positives})",
        *map(format_estimate, estimates),
        "-" if metrics.ece is None else f"{metrics.ece:.3f}",
        f"{metrics.brier:.3f}",
        _number(at_half),
    ]
    return f"| {' | '.join(cells)} |"


def _cross_validation(found: Evaluation) -> str:
    rows = [_cross_validation_row(patient, figures) for patient, figures in found.patients.items()]
    pooled = found.pooled
    command = f"`{found.command}`" if found.command else "a command that the figures do not name"
    return (
        "## Cross-validation\n\n"
        f"By {command}: each patient by a compiled model that never saw it, with calibration and thresholds of that "
        "model's own training patients. Over the patients with both classes: mean AUC "
        f"{format_estimate(found.within_patients)}, mean balanced accuracy "
        f"{format_estimate(found.mean_balanced_accuracy)}. Over all patches: AUC "
        f"{format_estimate(pooled.auc)}, balanced accuracy {format_estimate(pooled.balanced_accuracy)}, coverage "
        f"{format_estimate(pooled.coverage)}, ECE {format_estimate(pooled.ece)} (intervals by resampling patients).\n\n"
        "| patient | patches (IDC) | AUC | sensitivity | specificity | balanced accuracy | coverage | ECE |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(rows)
    )


def _cross_validation_row(patient: str, found: Figures) -> str:
    estimates = (found.auc, found.sensitivity, found.specificity, found.balanced_accuracy, found.coverage, found.ece)
    cells = [plain(patient), f"{found.patches} ({found.positives})", *map(format_estimate, estimates)]
    return f"| {' | '.join(cells)} |"


def _list_result(manifest: BundleManifest, listed: ListResult) -> str:
    scored = listed.scored
    found = reached(manifest.thresholds, scored.probability, scored.labels)
    return (
        f"## The list `{listed.title}`\n\n"
        f"{len(scored)} images of test patients {', '.join(sorted(set(scored.patients.tolist())))}, "
        f"{int(scored.labels.sum())} with IDC: over the decided, sensitivity {_number(found.sensitivity)} and "
        f"specificity {_number(found.specificity)}; {1 - found.coverage:.1%} uncertain."
    )


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


def _limits(found: Findings) -> str:
    limits = [
        f"{NOTICE} It does not replace a pathologist.",
        *data_limits(found.patches, found.provenance),
        "P(IDC) is calibrated for equal prevalence; where IDC is rarer, fewer of the `idc` results are right.",
    ]
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)
