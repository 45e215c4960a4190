"""Draws how a model's decisions spread over patients: one bar for each patient and class, all its patches counted."""

import io
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from idc_trainer.evaluation.bootstrap import Evaluation
from idc_trainer.evaluation.spread import LEAST_PATCHES, Called

_SIZE_INCHES: Final = (8.0, 3.4)
_COLOURS: Final = {"right": "#0b6e99", "uncertain": "#c9c9c9", "wrong": "#b3462e"}
_STYLE: Final[Any] = {"svg.hashsalt": "idc-trainer", "svg.fonttype": "none", "font.size": 9, "axes.spines.right": False}


def spread_figure(evaluation: Evaluation) -> bytes:
    """An SVG of two panels, the patients with at least `LEAST_PATCHES` patches of the class, the best on the left."""
    with mpl.rc_context(_STYLE | {"axes.spines.top": False}):
        figure = Figure(_SIZE_INCHES, layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        each = evaluation.patients.values()
        _panel(left, "patches without IDC", "no_idc", "idc", [one.called_of_negatives for one in each])
        _panel(right, "patches with IDC", "idc", "no_idc", [one.called_of_positives for one in each])
        left.set_ylabel("share of a patient's patches")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _panel(axes: Axes, title: str, right: str, wrong: str, called: list[Called | None]) -> None:
    shares = _sorted([(getattr(one, right), getattr(one, wrong)) for one in called if _counts(one)])
    names = (f"called {right}", "uncertain", f"called {wrong}")
    layers = (shares[:, 0], 1 - shares.sum(axis=1), shares[:, 1])
    bottom = np.zeros(len(shares))
    for name, layer, colour in zip(names, layers, _COLOURS.values(), strict=True) if len(shares) else ():
        axes.bar(np.arange(len(shares)), layer, 1.0, bottom, color=colour, label=name, linewidth=0)
        bottom = bottom + layer
    axes.set(
        title=f"{title}, {len(shares)} patients", xlabel="patients, best first", xlim=(-0.5, max(len(shares), 1) - 0.5)
    )
    axes.set_xticks([])
    axes.set_ylim(0, 1)
    if len(shares):
        axes.legend(loc="lower left", framealpha=0.9, fontsize=8)


def _counts(called: Called | None) -> bool:
    return called is not None and called.patches >= LEAST_PATCHES


def _sorted(shares: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Rows of the right and the wrong share, the fewest wrong first, then the most right; shape (patients, 2)."""
    return np.array(sorted(shares, key=lambda one: (one[1], -one[0])), np.float64).reshape(-1, 2)
