"""Draws charts as inline SVG."""

from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.evaluation.measures import Ranking, calibration_bins
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.report.content import Chart, Curve

_WIDTH_PX: Final = 320
_MARGIN_PX: Final = 48
_COLOURS: Final = ("#0b6e99", "#b3462e", "#3f7d20", "#7a4fa3", "#8a6d00", "#555555", "#0f8a7a", "#a03070")
_MOST_POINTS: Final = 400
_MOST_CURVES: Final = 8

Points = NDArray[np.float64]


def roc_chart(scored: ScoredPatches) -> Chart:
    """ROC of all patches and of the patients with both classes; 1 - specificity to sensitivity."""
    parts, shown = _with_both_classes(scored)
    curves = [Curve(name, *roc_points(part)) for name, part in parts]
    return Chart(f"ROC{shown}", "1 - specificity", "sensitivity", tuple(curves))


def precision_recall_chart(scored: ScoredPatches) -> Chart:
    """Precision over recall of all patches and of the patients with both classes."""
    curves = []
    parts, shown = _with_both_classes(scored)
    for name, part in parts:
        found, alarms = _counts(part)
        curves.append(Curve(name, found / part.labels.sum(), found / (found + alarms)))
    return Chart(f"Precision and recall{shown}", "recall (sensitivity)", "precision", tuple(curves))


def reliability_chart(scored: ScoredPatches) -> Chart:
    """Share of IDC over mean P(IDC) in the 15 bins of the ECE."""
    bins = calibration_bins(scored.probability)
    filled = np.unique(bins)
    mean = np.array([scored.probability[bins == index].mean() for index in filled], np.float64)
    share = np.array([scored.labels[bins == index].mean() for index in filled], np.float64)
    return Chart("Reliability", "mean P(IDC) of a bin", "share with IDC", (Curve("all patches", mean, share),))


def roc_points(scored: ScoredPatches) -> tuple[Points, Points]:
    """The ROC's corners from (0, 0) to (1, 1): share of false alarms, share of positives found."""
    found, alarms = _counts(scored)
    positives = scored.labels.sum()
    return np.append(0.0, alarms / (len(scored) - positives)), np.append(0.0, found / positives)


def _counts(scored: ScoredPatches) -> tuple[Points, Points]:
    """Positives found and false alarms at each cut, from the highest cut to the lowest."""
    return Ranking(scored).counts(np.ones(len(scored)))


def _with_both_classes(scored: ScoredPatches) -> tuple[list[tuple[str, ScoredPatches]], str]:
    """All patches and the first patients, and which patients are shown where not all are."""
    parts = [("all patches", scored)]
    parts += [(str(patient), scored.of(patient)) for patient in np.unique(scored.patients)]
    mixed = [(name, part) for name, part in parts if part.labels.any() and not part.labels.all()]
    shown = f" (the first {_MOST_CURVES - 1} of {len(mixed) - 1} patients)" if len(mixed) > _MOST_CURVES else ""
    return mixed[:_MOST_CURVES], shown


def draw(chart: Chart) -> str:
    """The chart as a `figure` element with an SVG and a legend."""
    x_low, x_high = _range([curve.x for curve in chart.curves])
    y_low, y_high = _range([curve.y for curve in chart.curves])
    low, high = _MARGIN_PX, _MARGIN_PX + _WIDTH_PX
    parts = [f"<rect x='{low}' y='{low}' width='{_WIDTH_PX}' height='{_WIDTH_PX}' class='frame'/>"]
    parts += _axes(chart, (x_low, x_high), (y_low, y_high))
    for index, curve in enumerate(chart.curves):
        x = low + (_thinned(curve.x) - x_low) / (x_high - x_low) * _WIDTH_PX
        y = high - (_thinned(curve.y) - y_low) / (y_high - y_low) * _WIDTH_PX
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{_colour(index)}' stroke-width='2'/>")
    side = _WIDTH_PX + 2 * _MARGIN_PX
    title = escape(f"{chart.title}: {chart.y_name} over {chart.x_name}", quote=True)
    return (
        f"<figure><svg role='img' aria-label='{title}' viewBox='0 0 {side} {side}'>{''.join(parts)}</svg>"
        f"<figcaption>{escape(chart.title)}{_legend(chart)}</figcaption></figure>"
    )


def _legend(chart: Chart) -> str:
    entries = [
        f"<li><span style='background:{_colour(index)}'></span>{escape(curve.name)}</li>"
        for index, curve in enumerate(chart.curves)
    ]
    return f"<ul class='legend'>{''.join(entries)}</ul>"


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _range(values: list[Points]) -> tuple[float, float]:
    """The axis: 0 to 1 for shares, else from the least to the most value."""
    every = np.concatenate([*values, np.array([], float)])
    if not len(every) or (every.min() >= 0 and every.max() <= 1):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _axes(chart: Chart, x: tuple[float, float], y: tuple[float, float]) -> list[str]:
    low, high, middle = _MARGIN_PX, _MARGIN_PX + _WIDTH_PX, _MARGIN_PX + _WIDTH_PX / 2
    return [
        f"<text x='{low}' y='{high + 16}'>{x[0]:g}</text>",
        f"<text x='{high}' y='{high + 16}' text-anchor='end'>{x[1]:.4g}</text>",
        f"<text x='{low - 6}' y='{high}' text-anchor='end'>{y[0]:.2g}</text>",
        f"<text x='{low - 6}' y='{low + 10}' text-anchor='end'>{y[1]:.2g}</text>",
        f"<text x='{middle}' y='{high + 34}' text-anchor='middle'>{escape(chart.x_name)}</text>",
        f"<text transform='translate(14 {middle}) rotate(-90)' text-anchor='middle'>{escape(chart.y_name)}</text>",
    ]


def _thinned(values: Points) -> Points:
    if len(values) <= _MOST_POINTS:
        return values
    kept: Points = values[np.linspace(0, len(values) - 1, _MOST_POINTS).astype(int)]
    return kept
