"""The rows of the report's tables of whole slides."""

from typing import Final

from idc_trainer.evaluation.slides import Method, SlideFigures, SlidesEvaluation
from idc_trainer.report.tables import Row

_NAMES: Final = {
    Method.PATCH: "patch alone, cut at P(IDC) 0.5",
    Method.NEIGHBOURHOOD: "neighbourhood, cut at 0",
    Method.FITTED: "neighbourhood, cut fitted to the slide",
    Method.REVIEWED: "the same, after {} reviewed cells",
}
SLIDES_HEAD: Final = ("whole slides, all patches decided", "AUC", "balanced accuracy", "F1", "worst balanced accuracy")
SLIDE_HEAD: Final = (
    "patient",
    "patches",
    "IDC",
    "AUC: patch, neighbourhood",
    "balanced accuracy: patch, neighbourhood, fitted, reviewed",
    "cut moved by",
    "uncertain",
    "IDC patches, estimated",
)


def slide_means(found: SlidesEvaluation) -> list[Row]:
    """The mean over slides of each way to decide them, and its worst slide, under `SLIDES_HEAD`."""
    rows = []
    for method, mean in found.mean.items():
        patient = found.worst[method]
        least = found.slides[patient].measures[method].balanced_accuracy
        measures = (mean.auc, mean.balanced_accuracy, mean.f1)
        name = _NAMES[method].format(found.reviews)
        rows.append((name, *(f"{value:.3f}" for value in measures), f"{least:.3f} ({patient})"))
    return rows


def per_slide(found: SlidesEvaluation) -> list[Row]:
    """Each slide, under `SLIDE_HEAD`; the last three columns before and after the reviews."""
    return [_slide_row(patient, slide) for patient, slide in found.slides.items()]


def _slide_row(patient: str, slide: SlideFigures) -> Row:
    cuts = slide.cuts.values()
    auc = (slide.measures[method].auc for method in (Method.PATCH, Method.NEIGHBOURHOOD))
    intervals = (
        f"{cut.idc_patches:.0f}"
        + ("" if cut.low_patches is None else f" ({cut.low_patches:.0f}-{cut.high_patches:.0f})")
        for cut in cuts
    )
    return (
        patient,
        str(slide.patches),
        str(slide.positives),
        ", ".join(f"{value:.3f}" for value in auc),
        ", ".join(f"{slide.measures[method].balanced_accuracy:.3f}" for method in Method),
        ", ".join(f"{cut.moved_by:+.1f}" for cut in cuts),
        ", ".join(f"{cut.uncertain:.0%}" for cut in cuts),
        ", ".join(intervals),
    )
