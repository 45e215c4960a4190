"""From slides whose patches lie side by side to a bundle that can fit a slide's cut, with a short backbone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idc_modelio.bundles import read_bundle
from idc_slidescores import LEAST_CELLS
from idc_trainer.__main__ import main
from idc_trainer.learning.slide_scores import WINDOW
from support.made_patches import made_patch
from support.scored_slides import tumour

SIDE = 18
OPTIONS = ["--input-px", "32", "--stages", "stage3", "--train-from", "none", "--passes", "0", "--steps", "60"]
OPTIONS += ["--batch", "64", "--learning-rate", "0.01"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five slides of 18 x 18 patches."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    assert SIDE**2 >= LEAST_CELLS
    for patient in "abcde":
        for (line, column), is_idc in np.ndenumerate(tumour(SIDE)):
            label = int(is_idc)
            name = f"{patient}_idx5_x{column * 50 + 1}_y{line * 50 + 1}_class{label}.png"
            path = root / patient / str(label) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(made_patch(label, rng)).save(path)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_bundle_holds_the_distributions_of_its_training_slides(data: Path, cache: Path, tmp_path: Path) -> None:
    command = ["train", "--data", str(data), "--cache", str(cache), "--out", str(tmp_path), *OPTIONS]

    command += ["--networks", "4", "--inner-folds", "4", "--test-patients", "e"]
    assert main([*command, "--allow-missed-target", "--no-int8"]) == 0

    scores = read_bundle(tmp_path / ".candidates/idc/1000").manifest.slide_scores
    assert scores is not None
    assert (scores.window, scores.patients) == (WINDOW, 4)
    assert scores.idc_mean > scores.no_idc_mean + 1


def test_cross_validation_measures_each_slide_by_a_model_that_never_saw_it(
    data: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One network a fold, so few of whose training patients are held out that their scores must do."""
    monkeypatch.setattr("idc_trainer.learning.slide_scores.LEAST_SLIDES", 1)
    command = ["crossval", "--data", str(data), "--cache", str(cache), "--report", str(tmp_path), *OPTIONS]

    assert main([*command, "--networks", "1", "--inner-folds", "2", "--folds", "2"]) == 0

    slides = json.loads((tmp_path / "figures.json").read_text())["slides"]
    assert list(slides["slides"]) == ["a", "b", "c", "d", "e"]
    assert all(slide["cuts"]["fitted"]["deviation"] is not None for slide in slides["slides"].values())
    assert slides["mean"]["fitted"]["balanced_accuracy"] > 0.8
    assert "Whole slides: 5" in capsys.readouterr().out
