"""Writes `report/index.html`: one file with its plots as inline SVG, readable without a network."""

from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import BundleManifest, PatientMetrics
from idc_trainer.evaluation.figures import SideScores
from idc_trainer.export.model_card import NOTICE, format_estimate

_SIDE_PX: Final = 320
_MARGIN_PX: Final = 44
_BINS: Final = 10
_COLOURS: Final = ("#0b6e99", "#b3462e", "#3f7d20", "#7a4fa3", "#8a6d00", "#555555")
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #ccd;padding:.3rem .5rem;"
    "text-align:left}.notice{background:#fff3d6;padding:.6rem 1rem;border-left:4px solid #c78a00}"
    "figure{display:inline-block;margin:1rem 1rem 1rem 0}svg text{font:12px system-ui,sans-serif}"
)

Curve = tuple[str, NDArray[np.float64], NDArray[np.float64]]
"""A name, the x and the y of each point, both 0.0-1.0."""


def write_report(manifest: BundleManifest, sides: list[SideScores], path: Path) -> None:
    """Write the report as one HTML file."""
    title = f"Model {manifest.name}, version {manifest.version}"
    body = [
        f"<h1>{escape(title)}</h1><p class='notice'>{NOTICE}</p>",
        f"<p>P(IDC) below {manifest.thresholds.no_idc_below:g} is <code>no_idc</code>, from "
        f"{manifest.thresholds.idc_from:g} on <code>idc</code>, between them <code>uncertain</code>.</p>",
        "<h2>Patients</h2><p>Value and 95 % interval over the patient's patches; sensitivity and specificity over the "
        "decided patches.</p>",
        _table(manifest.metrics),
        "<h2>Curves</h2>",
        _figure("ROC of the patients with both classes", _roc(sides)),
        _figure("Reliability: share of IDC among patches of like P(IDC)", _reliability(sides)),
        f"<h2>Made by</h2><pre>{escape(manifest.command)}</pre>",
    ]
    path.write_text(
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width'><style>{_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n",
        encoding="utf-8",
    )


def _table(metrics: tuple[PatientMetrics, ...]) -> str:
    head = ("patient", "side", "patches", "IDC", "AUC", "sensitivity", "specificity", "coverage", "Brier")
    rows = [
        (
            m.patient,
            m.side,
            str(m.patches),
            str(m.positives),
            *map(format_estimate, (m.auc, m.sensitivity, m.specificity, m.coverage)),
            f"{m.brier:.3f}",
        )
        for m in metrics
    ]
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<table><thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _roc(sides: list[SideScores]) -> str:
    curves: list[Curve] = []
    for side in sides:
        for patient in np.unique(side.patients).tolist():
            rows = side.patients == patient
            labels = side.labels[rows]
            if labels.any() and not labels.all():
                curves.append((f"{patient} ({side.side})", *roc_points(side.probability[rows], labels)))
    return _plot(curves, "1 - specificity", "sensitivity")


def roc_points(
    probability: NDArray[np.float32], labels: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ROC's corners from (0, 0) to (1, 1): share of false alarms, share of positives found."""
    order = np.argsort(-probability, kind="stable")
    last_of_ties = np.append(np.diff(probability[order]) != 0, True)
    found = np.cumsum(labels[order])[last_of_ties] / labels.sum()
    alarms = np.cumsum(~labels[order])[last_of_ties] / (~labels).sum()
    return np.concatenate([[0.0], alarms]), np.concatenate([[0.0], found])


def _reliability(sides: list[SideScores]) -> str:
    curves: list[Curve] = []
    for side in sides:
        bins = np.minimum((side.probability * _BINS).astype(int), _BINS - 1)
        filled = np.unique(bins)
        mean = np.array([side.probability[bins == index].mean() for index in filled], np.float64)
        share = np.array([side.labels[bins == index].mean() for index in filled], np.float64)
        curves.append((side.side, mean, share))
    return _plot(curves, "P(IDC)", "share with IDC")


def _plot(curves: list[Curve], x_name: str, y_name: str) -> str:
    low, high, middle = _MARGIN_PX, _MARGIN_PX + _SIDE_PX, _MARGIN_PX + _SIDE_PX / 2
    parts = [
        f"<rect x='{low}' y='{low}' width='{_SIDE_PX}' height='{_SIDE_PX}' fill='none' stroke='#889'/>",
        f"<line x1='{low}' y1='{high}' x2='{high}' y2='{low}' stroke='#bbc' stroke-dasharray='4'/>",
        f"<text x='{middle}' y='{high + 32}' text-anchor='middle'>{escape(x_name)}</text>",
        f"<text transform='translate(14 {middle}) rotate(-90)' text-anchor='middle'>{escape(y_name)}</text>",
    ]
    for index, (name, x, y) in enumerate(curves):
        colour = _COLOURS[index % len(_COLOURS)]
        points = " ".join(f"{low + a * _SIDE_PX:.1f},{high - b * _SIDE_PX:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts.append(
            f"<text x='{high - 6}' y='{high - 8 - 16 * index}' text-anchor='end' fill='{colour}'>{escape(name)}</text>"
        )
    side = _SIDE_PX + 2 * _MARGIN_PX
    return f"<svg role='img' width='{side}' height='{side}' viewBox='0 0 {side} {side}'>{''.join(parts)}</svg>"


def _figure(caption: str, svg: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
