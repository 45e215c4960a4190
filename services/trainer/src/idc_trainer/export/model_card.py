"""Writes `MODEL_CARD.md`: what the model is, what it was made from, what it reaches and where it fails."""

from pathlib import Path

from idc_contracts.bundle import BundleManifest, Estimate, PatientMetrics
from idc_trainer.evaluation.figures import SideScores, balanced_accuracy_at
from idc_trainer.evaluation.named_list import ListResult
from idc_trainer.export.parity import LIMIT

NOTICE = "Research use only, not a medical device."


def write_model_card(manifest: BundleManifest, sides: list[SideScores], result: ListResult | None, path: Path) -> None:
    """Write the card as Markdown."""
    sections = [
        _head(manifest),
        _model(manifest),
        _data(manifest),
        _operating_point(manifest),
        _figures(manifest, sides),
        _list_result(manifest, result) if result else "",
        _limits(manifest),
        f"## Make it again\n\n```\n{manifest.command}\n```",
    ]
    path.write_text("\n\n".join(section for section in sections if section) + "\n", encoding="utf-8")


def _head(manifest: BundleManifest) -> str:
    return (
        f"# Model card: {manifest.name}, version {manifest.version}\n\n**{NOTICE}**\n\n"
        "Says how likely a 50 x 50 px patch of an H&E-stained breast slide (about 4 um per pixel) holds invasive "
        f"ductal carcinoma (IDC). Made {manifest.created_at:%Y-%m-%d} by idc-trainer {manifest.code_version}."
    )


def _model(manifest: BundleManifest) -> str:
    backbone, parity = manifest.backbone, manifest.parity
    return (
        "## Model\n\n"
        f"- Backbone: {backbone.name}, frozen ImageNet weights ({backbone.weights_source}), "
        f"stages {', '.join(backbone.stages)}, globally averaged; "
        f"the graph resizes a patch to {backbone.input_px} px.\n"
        "- Head: logistic regression, classes and patients balanced, trained on the patches as they are and on copies "
        "that are turned, mirrored and jittered in stain (Tellez et al. 2018).\n"
        f"- Output: P(IDC), calibrated with temperature {manifest.calibration.temperature:.3f} and bias "
        f"{manifest.calibration.bias:.3f} for equal prevalence of both classes.\n"
        f"- Precision: {manifest.precision}. On {parity.patches} patches P(IDC) differs from Keras by at most "
        f"{parity.max_dp_openvino:g} (OpenVINO) and {parity.max_dp_onnx:g} (ONNX); {LIMIT:g} is allowed. Figures were "
        "measured with float32 arithmetic: on CPUs that know bfloat16, set OpenVINO's inference precision to f32."
    )


def _data(manifest: BundleManifest) -> str:
    split, dataset = manifest.split, manifest.dataset
    return (
        "## Data\n\n"
        f"{dataset.patches} patches of {len(split.train + split.validation + split.test)} patients, "
        f'{dataset.positives} with IDC, in the layout of the public set "Breast Histopathology Images" '
        "(IDC_regular_ps50_idx5; Cruz-Roa 2014, Janowczyk & Madabhushi 2016), which its page calls CC0. No image is "
        "part of this bundle; the self-test's pixels are made up.\n\n"
        "| side | patients |\n|---|---|\n"
        f"| training | {', '.join(split.train)} |\n"
        f"| validation (calibration and thresholds) | {', '.join(split.validation)} |\n"
        f"| test | {', '.join(split.test)} |\n\n"
        "No patient and no identical file stands on two sides. "
        f"Digest of the data: `{dataset.sha256}`; of the split: `{split.id}`."
    )


def _operating_point(manifest: BundleManifest) -> str:
    point, cuts = manifest.operating_point, manifest.thresholds
    return (
        "## Decision\n\n"
        f"P(IDC) below {cuts.no_idc_below:g} is `no_idc`, from {cuts.idc_from:g} on `idc`, between them `uncertain`. "
        f"The cuts decide as many validation patches as possible at a sensitivity of at least "
        f"{point.target_sensitivity:g} and a specificity of at least {point.target_specificity:g} over the decided "
        "ones (classes and patients weigh the same). On the validation patients, on which they were chosen, they reach "
        f"sensitivity {point.validation_sensitivity:.3f}, specificity {point.validation_specificity:.3f} and decide "
        f"{point.validation_coverage:.1%}."
    )


def _figures(manifest: BundleManifest, sides: list[SideScores]) -> str:
    rows = [_figure_row(metrics, _at_half(metrics, sides)) for metrics in manifest.metrics]
    return (
        "## Figures of the compiled model\n\n"
        "Value and 95 % interval. Intervals come from resampling the patches of the one patient (1000 times, each "
        "class for itself): they do not say how much patients differ, and one without width says only that "
        "no resampled patch was wrong. Sensitivity, specificity and balanced accuracy are over the decided "
        "patches. A patient with one class has no AUC.\n\n"
        "| patient | side | patches (IDC) | AUC | sensitivity | specificity | balanced accuracy | coverage | Brier "
        "| balanced accuracy at 0.5 |\n|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(rows)
    )


def _at_half(metrics: PatientMetrics, sides: list[SideScores]) -> float:
    side = next(side for side in sides if side.side == metrics.side)
    rows = side.patients == metrics.patient
    return balanced_accuracy_at(0.5, side.probability[rows], side.labels[rows])


def _figure_row(metrics: PatientMetrics, at_half: float) -> str:
    cells = [
        metrics.patient,
        metrics.side,
        f"{metrics.patches} ({metrics.positives})",
        *map(
            format_estimate,
            (metrics.auc, metrics.sensitivity, metrics.specificity, metrics.balanced_accuracy, metrics.coverage),
        ),
        f"{metrics.brier:.3f}",
        "-" if at_half != at_half else f"{at_half:.3f}",  # noqa: PLR0124 - NaN is the one number that is not itself
    ]
    return f"| {' | '.join(cells)} |"


def format_estimate(estimate: Estimate | None) -> str:
    """`0.912 (0.880-0.941)`, or `-` where there is none."""
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})" if estimate else "-"


def _list_result(manifest: BundleManifest, result: ListResult) -> str:
    found, labels = result.reached(manifest.thresholds), result.scores.labels
    return (
        f"## The list `{result.title}`\n\n"
        f"{len(labels)} images of test patients {', '.join(sorted(set(result.scores.patients.tolist())))}, "
        f"{int(labels.sum())} with IDC: over the decided, sensitivity {found.sensitivity:.3f} and specificity "
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
