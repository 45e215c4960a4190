"""How well whole slides are cut, in minutes, where `idc-trainer crossval` takes hours.

`IDC_DATA=... uv run --frozen --all-packages python benchmarks/slide_cut.py [--cache DIR]`

by linear heads on frozen features: ten folds of patients; each is scored by a logistic regression on the unchanged
patches of the others, calibrated on these others' own held-out scores, from which the distributions of slides are
learnt, too. Patient 8975 never trains.

`… python benchmarks/slide_cut.py --bundles BUNDLE BUNDLE`

by networks: each bundle scores its own test patients (the first that has a patient counts), and the distributions for a
slide are learnt from the scores of all other test patients.

Prints a line for each slide, and the means of the slides of the published validation list, of 8975, and of the rest,
which recipes are chosen on. Then how much of each slide is decided right if it has one class alone, as most slides do:
the cells of the other class are taken out.
"""

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from idc_contracts import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_slidescores import LEAST_CELLS, cell_scores, fit_cut, logits_of
from idc_trainer.backbones.folding import served
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.evaluation.scored_patches import ScoredPatches, score_patches
from idc_trainer.evaluation.slide_layout import dense_slides
from idc_trainer.evaluation.slides import Method, SlideFigures, evaluate_slides
from idc_trainer.graphs.opening import open_bundle
from idc_trainer.learning.calibration import calibrated, fit_calibration
from idc_trainer.learning.held_out import HeldOutScores
from idc_trainer.learning.recipe import HEAD_SCHEDULE, NONE, Recipe
from idc_trainer.learning.slide_scores import learn_slide_scores
from idc_trainer.splits.folds import k_folds
from idc_trainer.workflows.preparation import Source, plain_features, read_backbone, read_index

NEVER_TRAINED: Final = "8975"
FOLDS: Final = 10
PENALTY: Final = 0.002
HALVES: Final = Thresholds(no_idc_below=0.5, idc_from=0.5)
Floats = NDArray[np.float64]


def _silent(_step: str, _done: int, _total: int) -> None:
    return None


def _logits(features: NDArray[np.float32], index: PatchIndex, train: NDArray[np.bool_]) -> Floats:
    """Of all patches, by a head that was fitted to some; both classes count alike, patients by their root."""
    _, owner, sizes = np.unique(index.patients, return_inverse=True, return_counts=True)
    weights = sizes[owner].astype(np.float64) ** -0.5
    for label in (False, True):
        of_class = train & (index.labels == label)
        weights[of_class] *= train.sum() / 2 / weights[of_class].sum()
    scaler = StandardScaler().fit(features[train])
    head = LogisticRegression(C=PENALTY, max_iter=200)
    head.fit(scaler.transform(features[train]), index.labels[train], sample_weight=weights[train])
    return np.asarray(head.decision_function(scaler.transform(features)))


def _scored(features: NDArray[np.float32], index: PatchIndex) -> tuple[Floats, dict[str, SlideScores | None]]:
    """P(IDC) of each patch by a head that did not see its patient, and the distributions for each patient's slide."""
    classes = {name: kinds for name, kinds in index.classes_of().items() if name != NEVER_TRAINED}
    folds = [*k_folds(classes, FOLDS, seed=0), (NEVER_TRAINED,)]
    inside = [np.isin(index.patients, fold) for fold in folds]
    trains = index.patients != NEVER_TRAINED
    logits = np.full(len(index), np.nan)
    for held_out in inside:
        logits[held_out] = _logits(features, index, trains & ~held_out)[held_out]
    probability, learnt = np.full(len(index), np.nan), {}
    for fold, held_out in zip(folds, inside, strict=True):
        others = trains & ~held_out
        calibration = fit_calibration(logits[others], index.labels[others], index.patients[others])
        probability[held_out] = calibrated(calibration, logits[held_out])
        none = np.zeros(others.sum())
        of_others = HeldOutScores(index.rows(others), calibrated(calibration, logits[others]), none, none[:, None])
        learnt |= dict.fromkeys(fold, learn_slide_scores(of_others))
    return probability, learnt


def _linear(data: DataSet, cache: Path) -> tuple[PatchIndex, Floats, dict[str, SlideScores | None]]:
    recipe = Recipe(train_from=NONE, schedule=HEAD_SCHEDULE)
    source = Source(data, cache, recipe)
    index = read_index(source, _silent)
    features = plain_features(served(read_backbone(source)), index, source, _silent).read(index.digests)
    return index, *_scored(features, index)


def _by_bundles(bundles: list[Path], data: DataSet) -> tuple[PatchIndex, Floats, dict[str, SlideScores | None]]:
    index = read_patches(data, _silent)
    probability = np.full(len(index), np.nan)
    for path in bundles:
        opened = open_bundle(path)
        own = np.isin(index.patients, opened.bundle.manifest.split.test) & np.isnan(probability)
        probability[own] = opened.runner.run_all(index.rows(own))["probability"]
    tested = ~np.isnan(probability)
    index, probability = index.rows(tested), probability[tested]
    learnt = {}
    for patient in np.unique(index.patients).tolist():
        others = index.patients != patient
        none = np.zeros(others.sum())
        learnt[patient] = learn_slide_scores(
            HeldOutScores(index.rows(others), probability[others], none, none[:, None])
        )
    return index, probability, learnt


def _print_means(name: str, slides: Mapping[str, SlideFigures]) -> None:
    for method in Method if slides else ():
        found = [slide.measures[method] for slide in slides.values()]
        line: dict[str, object] = {"slides": f"{name}: {len(found)}", "method": method}
        line |= {
            key: round(float(np.mean([getattr(one, key) for one in found])), 3) for key in type(found[0]).model_fields
        }
        line["worst"] = round(min(one.balanced_accuracy for one in found), 3)
        if method in next(iter(slides.values())).cuts:
            line |= _areas(method, slides)
        print(json.dumps(line), flush=True)


def _areas(method: Method, slides: Mapping[str, SlideFigures]) -> dict[str, object]:
    cuts = [(slide.cuts[method], slide) for slide in slides.values()]
    held = [
        cut.low_patches <= slide.positives <= cut.high_patches
        for cut, slide in cuts
        if cut.low_patches is not None and cut.high_patches is not None
    ]
    return {
        "uncertain": round(float(np.mean([cut.uncertain for cut, _ in cuts])), 3),
        "decided_wrong": round(float(np.mean([cut.decided_wrong for cut, _ in cuts])), 3),
        "area_error": round(float(np.mean([abs(cut.idc_patches - s.positives) / s.patches for cut, s in cuts])), 3),
        "area_in_interval": f"{sum(held)} of {len(held)}",
    }


def _print_one_class(scored: ScoredPatches, learnt: Mapping[str, SlideScores | None]) -> None:
    logits = logits_of(scored.probability)
    right: dict[str, dict[str, float]] = {"no IDC": {}, "nothing but IDC": {}}
    for patient, layout in dense_slides(scored.patients, scored.x_px, scored.y_px).items():
        truth = scored.labels[layout.patches]
        for name, kept in zip(right, (~truth, truth), strict=True):
            if kept.sum() >= LEAST_CELLS:
                scores = cell_scores(layout.grid(np.where(kept, logits[layout.patches], np.nan)), learnt[patient])
                called = layout.of(scores)[kept] >= fit_cut(scores, learnt[patient], HALVES).logit
                right[name][patient] = float((called == truth[kept]).mean())
    for name, shares in right.items():
        if shares:
            worst, patient = min((share, patient) for patient, share in shares.items())
            line = {"slides": f"{name}: {len(shares)}", "right": round(float(np.mean(list(shares.values()))), 3)}
            print(json.dumps(line | {"worst": round(worst, 3), "patient": patient}), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="where features are kept (default: nowhere)")
    parser.add_argument("--bundles", type=Path, nargs="+", metavar="BUNDLE", help="score by these, not by linear heads")
    options = parser.parse_args()
    data = Path(os.environ["IDC_DATA"])
    patches = DataSet(data / "idc")
    with tempfile.TemporaryDirectory() as folder:
        index, probability, learnt = (
            _by_bundles(options.bundles, patches)
            if options.bundles
            else _linear(patches, options.cache or Path(folder))
        )
    scored = score_patches(index, probability.astype(np.float32), HALVES)
    found = evaluate_slides(scored, learnt, seed=0)
    if found is None:
        raise SystemExit("no slide has neighbouring patches: bring complete slides")
    for patient, slide in found.slides.items():
        print(json.dumps({"patient": patient} | slide.model_dump(mode="json")), flush=True)
    with (data / "patients.csv").open() as file:
        listed = {row["patient"] for row in csv.DictReader(file) if row["split"] == "val"}
    apart = {*listed, NEVER_TRAINED}
    _print_means("chosen on", {name: slide for name, slide in found.slides.items() if name not in apart})
    _print_means("validation list", {name: slide for name, slide in found.slides.items() if name in listed})
    _print_means("never trained", {name: slide for name, slide in found.slides.items() if name == NEVER_TRAINED})
    _print_means("all", found.slides)
    _print_one_class(scored, learnt)


if __name__ == "__main__":
    main()
