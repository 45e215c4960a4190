"""The trainer's container makes a bundle that the inference service accepts."""

import os
import shutil
from pathlib import Path

import pytest

from idc_inference.__main__ import main as idc_inference
from idc_modelio.bundles import read_bundle
from idc_modelio.serving import servable_versions
from support.compose_stack import ComposeStack
from support.made_patches import write_patch_folder
from support.shipped_model import SHIPPED_BUNDLE, SHIPPED_VERSION

pytestmark = pytest.mark.e2e


def test_trainer_makes_a_bundle_from_a_mounted_folder(stack: ComposeStack, tmp_path: Path) -> None:
    patients = {f"{number}": (12, 12) for number in range(1, 8)}
    data = write_patch_folder(tmp_path / "data", patients)
    models = tmp_path / "models"
    models.mkdir()

    def trainer(*arguments: str) -> None:
        stack.compose(
            *("--profile", "train", "run", "--rm", "--build", "--user", f"{os.getuid()}:{os.getgid()}"),
            *("--volume", f"{data}:/data:ro", "--volume", f"{models}:/models"),
            *("trainer", *arguments),
            timeout_s=1500,
        )

    options = ("--steps", "30", "--no-int8", "--allow-missed-target")
    trainer("train", "--data", "/data", "--out", "/models", *options)

    assert idc_inference(["--check", str(models / ".candidates" / "idc" / "1000")]) == 0
    split = read_bundle(models / ".candidates" / "idc" / "1000").manifest.split
    assert {*split.train, *split.validation, *split.test} == set(patients)  # cross-fitting validates on some that train

    shutil.copytree(SHIPPED_BUNDLE, models / "idc" / SHIPPED_VERSION)
    trainer("promote", "/models/.candidates/idc", "--data", "/data", "--untested")  # few patients are new to it
    assert servable_versions(models, "idc") == [1000, int(SHIPPED_VERSION)]
    trainer("rollback", "/models/idc")
    assert servable_versions(models, "idc") == [int(SHIPPED_VERSION)]


def test_trainer_reports_what_is_wrong_in_one_line(stack: ComposeStack, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()

    with pytest.raises(RuntimeError) as failure:
        stack.compose(
            *("--profile", "train", "run", "--rm", "--volume", f"{tmp_path / 'data'}:/data:ro"),
            *("trainer", "train", "--data", "/data", "--out", "/tmp/models"),
        )

    said = [line for line in str(failure.value).splitlines() if "idc-trainer" in line]
    assert len(said) == 1
    assert "/data" in said[0]
