"""The curves of scored patches, and how charts are drawn."""

import base64
import io
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from idc_trainer.evaluation.measures import Ranking, calibration_bins
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.spread import RiskCoverage
from idc_trainer.report.content import Chart, Curve

_SIDE_INCHES: Final = 4.2
COLOURS: Final = ("#0b6e99", "#b3462e", "#3f7d20", "#7a4fa3", "#8a6d00", "#555555", "#0f8a7a", "#a03070")
_MOST_POINTS: Final = 400
_MOST_CURVES: Final = len(COLOURS)

Points = NDArray[np.float64]


def roc_chart(scored: ScoredPatches) -> Chart:
    """ROC of all patches and of the patients with both classes."""
    parts, note = _with_both_classes(scored)
    curves = [Curve(name, *roc_points(part)) for name, part in parts]
    return Chart(f"ROC{note}", "1 - specificity", "sensitivity", tuple(curves))


def precision_recall_chart(scored: ScoredPatches) -> Chart:
    """Precision over recall of all patches and of the patients with both classes."""
    curves = []
    parts, note = _with_both_classes(scored)
    for name, part in parts:
        found, alarms = _counts(part)
        curves.append(Curve(name, found / part.labels.sum(), found / (found + alarms)))
    return Chart(f"Precision and recall{note}", "recall (sensitivity)", "precision", tuple(curves))


def reliability_chart(scored: ScoredPatches) -> Chart:
    """Share of IDC over mean P(IDC) in the 15 bins of the ECE."""
    bins = calibration_bins(scored.probability)
    filled = np.unique(bins)
    mean = np.array([scored.probability[bins == index].mean() for index in filled], np.float64)
    share = np.array([scored.labels[bins == index].mean() for index in filled], np.float64)
    return Chart("Reliability", "mean P(IDC) of a bin", "share with IDC", (Curve("all patches", mean, share),))


def risk_coverage_chart(found: RiskCoverage) -> Chart:
    """The share of wrong decisions among the surest patches."""
    curve = Curve("all patients, equal weight", np.array(found.coverage), np.array(found.risk))
    return Chart(f"Risk against coverage, area {found.area:.3f}", "coverage", "wrong at the cut 0.5", (curve,))


def roc_points(scored: ScoredPatches) -> tuple[Points, Points]:
    """The ROC's corners from (0, 0) to (1, 1): false positive rate, true positive rate."""
    found, alarms = _counts(scored)
    positives = scored.labels.sum()
    return np.append(0.0, alarms / (len(scored) - positives)), np.append(0.0, found / positives)


def _counts(scored: ScoredPatches) -> tuple[Points, Points]:
    """True and false positives at each threshold, from the highest to the lowest."""
    return Ranking(scored).counts(np.ones(len(scored)))


def _with_both_classes(scored: ScoredPatches) -> tuple[list[tuple[str, ScoredPatches]], str]:
    """All patches and the first patients with both classes, and a note where some are not shown."""
    parts = [("all patches", scored)]
    parts += [(str(patient), scored.of(patient)) for patient in np.unique(scored.patients)]
    mixed = [(name, part) for name, part in parts if part.labels.any() and not part.labels.all()]
    note = f" (the first {_MOST_CURVES - 1} of {len(mixed) - 1} patients)" if len(mixed) > _MOST_CURVES else ""
    return mixed[:_MOST_CURVES], note


def draw(chart: Chart) -> str:
    """The chart as a `data:` URI of an SVG without legend; its curves have the colours of `COLOURS`, in order."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "idc-trainer", "svg.fonttype": "none", "axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure((_SIDE_INCHES, _SIDE_INCHES), layout="constrained")
        axes = figure.add_subplot(xlabel=chart.x_name, ylabel=chart.y_name)
        for curve, colour in zip(chart.curves, COLOURS, strict=False):
            axes.plot(_thinned(curve.x), _thinned(curve.y), color=colour)
        if all(map(_are_shares, (curve.x for curve in chart.curves))):
            axes.set_xlim(0, 1)
        if all(map(_are_shares, (curve.y for curve in chart.curves))):
            axes.set_ylim(0, 1)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _are_shares(values: Points) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def _thinned(values: Points) -> Points:
    kept: Points = values[np.linspace(0, len(values) - 1, min(len(values), _MOST_POINTS)).astype(int)]
    return kept
