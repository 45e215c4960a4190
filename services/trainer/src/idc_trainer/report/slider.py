"""The part of the report in which a reader moves the two cuts and sees what they reach."""

import importlib.resources
import json
from typing import Any, Final

import numpy as np

from idc_contracts import Thresholds
from idc_trainer.evaluation.scored_patches import ScoredPatches

BINS: Final = 1000
"""Scores are counted in steps of 1 / BINS, so that the report's size does not grow with the number of patches."""


def slider(scored: ScoredPatches, thresholds: Thresholds) -> str:
    """Sliders, the table that follows them, and the script that computes it in the browser."""
    low, high = round(thresholds.no_idc_below, 3), round(thresholds.idc_from, 3)
    # a closing tag in a patient's name must not end the script
    data = json.dumps(histograms(scored), separators=(",", ":")).replace("<", "\\u003c")
    script = (importlib.resources.files("idc_trainer.report") / "slider.js").read_text(encoding="utf-8")
    return (
        f"<p><label><code>no_idc</code> below <input id='low' type='range' min='0' max='1' step='0.001' value='{low}'>"
        f" <output id='low-value'>{low:.3f}</output></label></p>"
        f"<p><label><code>idc</code> from <input id='high' type='range' min='0' max='1' step='0.001' value='{high}'>"
        f" <output id='high-value'>{high:.3f}</output></label></p>"
        "<div class='wide'><table id='at-cuts'><thead><tr><th scope='col'>patient</th><th scope='col'>sensitivity</th>"
        "<th scope='col'>specificity</th><th scope='col'>balanced accuracy</th><th scope='col'>coverage</th>"
        "<th scope='col'>IDC: idc / uncertain / no_idc</th><th scope='col'>no IDC: idc / uncertain / no_idc</th></tr>"
        "</thead><tbody></tbody></table></div>"
        f"<script type='application/json' id='counts'>{data}</script><script>{script}</script>"
    )


def histograms(scored: ScoredPatches) -> dict[str, Any]:
    """How many patches of each patient and class fall into which step: `[[step, count], ...]` without empty ones."""
    steps = np.minimum(np.floor(scored.probability.astype(np.float64) * BINS + 1e-9), BINS - 1).astype(int)
    patients = []
    for patient in np.unique(scored.patients).tolist():
        rows = scored.patients == patient
        classes = []
        for label in (True, False):
            filled, counts = np.unique(steps[rows & (scored.labels == label)], return_counts=True)
            classes.append(np.stack([filled, counts], 1).tolist())
        patients.append({"name": patient, "idc": classes[0], "noIdc": classes[1]})
    return {"bins": BINS, "patients": patients}
