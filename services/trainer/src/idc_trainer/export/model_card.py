"""Words `MODEL_CARD.md`: what the model is, what it was made from, what it reaches and where it fails."""

import numpy as np

from idc_contracts import Thresholds
from idc_contracts.bundle import BundleManifest, PatientMetrics
from idc_trainer.evaluation.bootstrap import Evaluation, Figures
from idc_trainer.evaluation.named_list import ListResult
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.sides import MeasuredSides
from idc_trainer.export.parity import LIMIT
from idc_trainer.learning.operating_point import reached
from idc_trainer.report.content import NOTICE
from idc_trainer.report.tables import format_estimate


def model_card(
    manifest: BundleManifest, sides: MeasuredSides, listed: ListResult | None, cross_validation: Evaluation | None
) -> str:
    """The card as Markdown."""
    sections = [
        _head(manifest),
        _model(manifest),
        _data(manifest),
        _operating_point(manifest),
        _figures(manifest, sides),
        _cross_validation(cross_validation) if cross_validation else "",
        _list_result(manifest, listed) if listed else "",
        _limits(manifest),
        f"## Make it again\n\n```\n{manifest.command}\n```",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(manifest: BundleManifest) -> str:
    return (
        f"# Model card: {manifest.name}, version {manifest.version}\n\n**{NOTICE}**\n\n"
        "Says how likely a 50 x 50 px patch of an H&E-stained breast slide (about 4 um per pixel) holds invasive "
        f"ductal carcinoma (IDC). Made {manifest.created_at:%Y-%m-%d} by idc-trainer {manifest.code_version}."
    )


def _model(manifest: BundleManifest) -> str:
    backbone, parity = manifest.backbone, manifest.parity
    learned = f"fine-tuned from {backbone.fine_tuned_from} on" if backbone.fine_tuned_from else "frozen"
    return (
        "## Model\n\n"
        f"- Backbone: {backbone.name}, ImageNet weights ({backbone.weights_source}), {learned}; "
        f"stages {', '.join(backbone.stages)}, globally averaged; "
        f"the graph resizes a patch to {backbone.input_px} px.\n"
        "- Head: logistic regression, classes and patients balanced, trained on the patches as they are and on copies "
        "that are turned, mirrored and jittered in stain (Tellez et al. 2018).\n"
        f"- Output: P(IDC), calibrated with temperature {manifest.calibration.temperature:.3f} and bias "
        f"{manifest.calibration.bias:.3f} for equal prevalence of both classes.\n"
        f"- Precision: {manifest.precision}. On {parity.patches} training patches P(IDC) differs from Keras by at most "
        f"{parity.max_dp_openvino:g} (OpenVINO) and {parity.max_dp_onnx:g} (ONNX); {LIMIT:g} is allowed. Figures were "
        "measured with float32 arithmetic: on CPUs that know bfloat16, set OpenVINO's inference precision to f32.\n"
        f"- {_int8(manifest)}"
    )


def _int8(manifest: BundleManifest) -> str:
    twin = manifest.int8
    if twin is None:
        return "INT8: none was made."
    fate = "is in `int8/`" if twin.kept else "was not kept"
    return (
        f"INT8: the NNCF twin {fate}. Its mean within-patient AUC on patients that it did not learn from is "
        f"lower by {twin.auc_drop:g} (less than {twin.auc_drop_limit:g} is allowed), and single P(IDC) move by up to "
        f"{manifest.parity.max_dp_int8:g}: measure it before you decide by it with these thresholds."
    )


def _data(manifest: BundleManifest) -> str:
    split, dataset = manifest.split, manifest.dataset
    everyone = {*split.train, *split.validation, *split.test}
    validation = "the training patients, cross-fitted" if split.cross_fitted else ", ".join(split.validation)
    return (
        "## Data\n\n"
        f"{dataset.patches} patches of {len(everyone)} patients, "
        f'{dataset.positives} with IDC, in the layout of the public set "Breast Histopathology Images" '
        "(IDC_regular_ps50_idx5; Cruz-Roa 2014, Janowczyk & Madabhushi 2016), which its page calls CC0. No image is "
        "part of this bundle; the self-test's pixels are made up.\n\n"
        "| side | patients |\n|---|---|\n"
        f"| training | {', '.join(split.train)} |\n"
        f"| validation (calibration and thresholds) | {validation} |\n"
        f"| test | {', '.join(split.test)} |\n\n"
        "No patient and no identical file stands both in training and in test. "
        f"Digest of the data: `{dataset.sha256}`; of the split: `{split.id}`."
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
        metrics.patient,
        metrics.side,
        f"{metrics.patches} ({metrics.positives})",
        *map(format_estimate, estimates),
        "-" if metrics.ece is None else f"{metrics.ece:.3f}",
        f"{metrics.brier:.3f}",
        "-" if np.isnan(at_half) else f"{at_half:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def _cross_validation(found: Evaluation) -> str:
    rows = [_cross_validation_row(patient, figures) for patient, figures in found.patients.items()]
    pooled = found.pooled
    return (
        "## Cross-validation of the recipe\n\n"
        "Each patient by a compiled model that never saw it, with calibration and thresholds of its own training "
        f"patients. Over the patients with both classes: mean AUC {format_estimate(found.within_patients)}, mean "
        f"balanced accuracy {format_estimate(found.mean_balanced_accuracy)}. Over all patches: AUC "
        f"{format_estimate(pooled.auc)}, balanced accuracy {format_estimate(pooled.balanced_accuracy)}, coverage "
        f"{format_estimate(pooled.coverage)}, ECE {format_estimate(pooled.ece)} (intervals by resampling patients).\n\n"
        "| patient | patches (IDC) | AUC | sensitivity | specificity | balanced accuracy | coverage | ECE |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(rows)
    )


def _cross_validation_row(patient: str, found: Figures) -> str:
    estimates = (found.auc, found.sensitivity, found.specificity, found.balanced_accuracy, found.coverage, found.ece)
    cells = [patient, f"{found.patches} ({found.positives})", *map(format_estimate, estimates)]
    return f"| {' | '.join(cells)} |"


def _list_result(manifest: BundleManifest, listed: ListResult) -> str:
    scored = listed.scored
    found = reached(manifest.thresholds, scored.probability, scored.labels)
    return (
        f"## The list `{listed.title}`\n\n"
        f"{len(scored)} images of test patients {', '.join(sorted(set(scored.patients.tolist())))}, "
        f"{int(scored.labels.sum())} with IDC: over the decided, sensitivity {found.sensitivity:.3f} and specificity "
        f"{found.specificity:.3f}; {1 - found.coverage:.1%} uncertain."
    )


def _limits(manifest: BundleManifest) -> str:
    return (
        "## Limits\n\n"
        f"- {NOTICE} It does not replace a pathologist.\n"
        "- All negatives come from few patients of one set, scanned and stained in few places. Between patients the "
        "whole score can shift: ranking within a patient holds better than the thresholds do. Expect the share of "
        "false alarms and of uncertain patches to differ from slide to slide.\n"
        f"- {len(manifest.split.test)} test patients say little of the next one, whatever the intervals are.\n"
        "- P(IDC) is calibrated for equal prevalence; where IDC is rarer, fewer of the `idc` results are right.\n"
        "- Trained on 50 px patches at about 4 um per pixel: other magnifications, stains and tissues were never seen. "
        "An image that is no tissue gets a probability all the same."
    )
