"""Made-up scores of made-up patients."""

import numpy as np

from idc_trainer.evaluation.scored_patches import ScoredPatches


def made_scores(
    patients: dict[str, tuple[int, int]], seed: int = 0, no_idc_below: float = 0.4, idc_from: float = 0.6
) -> ScoredPatches:
    """Patients with so many patches of class 0 and of class 1, on a grid; the scores of the classes overlap."""
    rng = np.random.default_rng(seed)
    owners = [(name, label) for name, counts in patients.items() for label in (0, 1) for _ in range(counts[label])]
    labels = np.array([label == 1 for _, label in owners])
    size = len(owners)
    logits = np.where(labels, 1.0, -1.0) + rng.normal(0, 1.2, size)
    return ScoredPatches(
        probability=(1 / (1 + np.exp(-logits))).astype(np.float32),
        no_idc_below=np.full(size, no_idc_below, np.float32),
        idc_from=np.full(size, idc_from, np.float32),
        labels=labels,
        patients=np.array([name for name, _ in owners]),
        names=np.array([f"{name}_idx5_x{n}_y1_class{label}.png" for n, (name, label) in enumerate(owners)]),
        x_px=np.array([n % 9 * 50 + 1 for n in range(size)], np.int32),
        y_px=np.array([n // 9 * 50 + 1 for n in range(size)], np.int32),
    )
