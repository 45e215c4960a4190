"""What the report's script needs to compute metrics at any two thresholds."""

from typing import Any, Final

import numpy as np

from idc_trainer.evaluation.scored_patches import ScoredPatches

BINS: Final = 1000
"""Scores are counted in steps of 1 / BINS, so that the report's size does not grow with the number of patches."""


def histograms(scored: ScoredPatches) -> dict[str, Any]:
    """Patches of each patient and class by step: `[[step, count], ...]` without empty steps."""
    steps = np.minimum(np.floor(scored.probability.astype(np.float64) * BINS + 1e-9), BINS - 1).astype(int)

    def counts(rows: np.ndarray) -> list[list[int]]:
        return np.stack(np.unique(steps[rows], return_counts=True), 1).tolist()  # type: ignore[no-any-return]

    patients = []
    for patient in np.unique(scored.patients).tolist():
        rows = scored.patients == patient
        idc, no_idc = counts(rows & scored.labels), counts(rows & ~scored.labels)
        patients.append({"name": patient, "idc": idc, "noIdc": no_idc})
    return {"bins": BINS, "patients": patients}
