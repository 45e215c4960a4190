"""The effect of each augmentation: heads on frozen features, trained with all of them, and without each in turn.

`IDC_DATA=... uv run --frozen --all-packages python benchmarks/augmentation.py [--patients N]`

One network of each kind is trained without a quarter of the patients of the published training list and of no list.
These held-out patients are scored unchanged and after each change, the same for all networks. For an augmentation the
table has the mean absolute difference of P(IDC) that its change makes, and the mean AUC over patients under that change
and without it; each with the augmentation and without it.
"""

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from idc_trainer.augmentation.augment import Augmentation
from idc_trainer.augmentation.geometry import resample
from idc_trainer.augmentation.quality import blur_slightly, compress, pad_edge
from idc_trainer.augmentation.stain import jitter_light, jitter_stain
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import HEAD_SCHEDULE, NONE, Recipe
from idc_trainer.splits.choose import SplitRequest, split_patients
from idc_trainer.workflows.export import compile_classifier
from idc_trainer.workflows.phases import Run, train_phases
from idc_trainer.workflows.preparation import Source, read_index

Patch = NDArray[np.uint8]
Change = Callable[[Patch, np.random.Generator], Patch]
ALL: Final = Augmentation()
CHANGES: Final[dict[str, Change]] = {
    "stain": lambda patch, rng: jitter_stain(patch, ALL.stain, rng),
    "light": lambda patch, rng: jitter_light(patch, ALL.light, rng),
    "resampled": lambda patch, rng: resample(patch, 0.0, rng),
    "scale": lambda patch, rng: resample(patch, ALL.scale, rng),
    "blurred": blur_slightly,
    "compressed": compress,
    "padded": pad_edge,
}
Scores = dict[str | None, NDArray[np.float32]]


def _silent(_step: str, _done: int, _total: int) -> None:
    return None


def _not_for_training(data: Path, patients: int | None) -> tuple[str, ...]:
    """The published validation patients and 8975, and all others beyond some number."""
    with (data / "patients.csv").open() as file:
        rows = list(csv.DictReader(file))
    kept = [row["patient"] for row in rows if row["split"] != "val" and row["patient"] != "8975"][:patients]
    return tuple(sorted({row["patient"] for row in rows} - {*kept}))


def _scores(augmentation: Augmentation, source: Source, split: SplitRequest) -> tuple[PatchIndex, Scores]:
    """P(IDC) of the held-out patients by a network that was trained with an augmentation, for each change."""
    recipe = replace(source.recipe, augmentation=augmentation)
    patches = split_patients(split, read_index(source, _silent))
    run = Run(patches, replace(source, recipe=recipe), Target(allow_missed=True), _silent)
    trained = train_phases(run)
    with tempfile.TemporaryDirectory() as folder:
        _, runner = compile_classifier(trained.members, Path(folder))
    index = trained.held_out.index
    plain = np.stack([index.decode(row) for row in range(len(index))])
    found: Scores = {None: runner.run(plain)["probability"]}
    for name, change in CHANGES.items():
        rng = np.random.default_rng(0)
        found[name] = runner.run(np.stack([change(patch, rng) for patch in plain]))["probability"]
    return index, found


def _auc(index: PatchIndex, probability: NDArray[np.float32]) -> float:
    """The mean over the patients with both classes."""
    found = []
    for patient in np.unique(index.patients):
        rows = index.patients == patient
        if len(set(index.labels[rows].tolist())) == 2:
            found.append(roc_auc_score(index.labels[rows], probability[rows]))
    return float(np.mean(found))


def _row(name: str, index: PatchIndex, used: Scores, without: Scores) -> dict[str, object]:
    moved = [float(np.abs(one[name] - one[None]).mean()) for one in (used, without)]
    changed = [_auc(index, one[name]) for one in (used, without)]
    unchanged = [_auc(index, one[None]) for one in (used, without)]
    pairs = (("mean_dp", moved), ("auc_changed", changed), ("auc_unchanged", unchanged))
    return {"augmentation": name} | {
        f"{key}_{side}": round(value, 4)
        for key, pair in pairs
        for side, value in zip(("with", "without"), pair, strict=True)
    }


def main() -> None:
    """Measure and print a line for each augmentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, help="so many patients at most (default: all)")
    options = parser.parse_args()
    data = Path(os.environ["IDC_DATA"])
    recipe = Recipe(train_from=NONE, schedule=HEAD_SCHEDULE, passes=1, folds=4, networks=1)
    split = SplitRequest(test_patients=_not_for_training(data, options.patients))
    with tempfile.TemporaryDirectory() as cache:
        source = Source(DataSet(data / "idc"), Path(cache), recipe)
        index, used = _scores(ALL, source, split)
        for setting in fields(ALL):
            _, without = _scores(replace(ALL, **{setting.name: 0.0}), source, split)
            print(json.dumps(_row(setting.name, index, used, without)), flush=True)


if __name__ == "__main__":
    main()
