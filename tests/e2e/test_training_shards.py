"""Three containers compute the features of one data set; one is killed; the training finds all of them."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from idc_modelio.bundles import read_bundle
from support.compose_stack import IMAGE_TAG, ComposeStack
from support.made_patches import write_patch_folder

pytestmark = pytest.mark.e2e

SHARDS = 3
RECIPE = ("--train-from", "none", "--passes", "1", "--data", "/data", "--cache", "/shards/cache")


class TrainerContainers:
    """Runs the trainer's image, each command in a container of its own, hardened as in production."""

    def __init__(self, data: Path, work: Path) -> None:
        self._options = [
            *("--user", f"{os.getuid()}:{os.getgid()}", "--network", "none", "--read-only", "--cap-drop", "ALL"),
            *("--tmpfs", "/tmp:size=1g,mode=1777", "--memory", "4g"),
            *("--volume", f"{data}:/data:ro", "--volume", f"{work}:/shards"),
            f"idc-sentinel/trainer:{IMAGE_TAG}",
        ]
        self._started: list[str] = []

    def start(self, *arguments: str) -> str:
        """Start a command; returns the container's name."""
        name = _docker("run", "--detach", *self._options, *arguments)
        self._started.append(name)
        return name

    def finish(self, name: str) -> tuple[int, str]:
        """Wait for a command; returns its exit code and what it said."""
        code = int(_docker("wait", name))
        said = subprocess.run(["docker", "logs", name], capture_output=True, text=True, timeout=60, check=True)
        return code, said.stdout + said.stderr

    def remove(self) -> None:
        """Remove all containers."""
        if self._started:
            _docker("rm", "--force", *self._started)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=600, check=True)
    return done.stdout.strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "models").mkdir(parents=True)
    return folder


@pytest.fixture
def trainer(stack: ComposeStack, tmp_path: Path, work: Path) -> Iterator[TrainerContainers]:
    stack.compose("--profile", "train", "build", "trainer", timeout_s=1500)
    data = write_patch_folder(tmp_path / "data", {str(number): (150, 150) for number in range(1, 5)})
    containers = TrainerContainers(data, work)
    yield containers
    containers.remove()


def _blocks(work: Path) -> dict[Path, int]:
    """When each block of features was written."""
    return {path: path.stat().st_mtime_ns for path in work.rglob("features/*/*/*.npy")}


def _rows(work: Path) -> list[int]:
    """How many patches each variant's store holds."""
    stores = {path.parent for path in _blocks(work)}
    return [sum(len(np.load(path)) for path in store.glob("*.npy")) for store in stores]


def test_shards_in_containers_survive_a_kill_and_spare_the_training_all_features(
    trainer: TrainerContainers, work: Path
) -> None:
    extract = [("features", "extract", *RECIPE, "--shard", f"{number}/{SHARDS}") for number in range(SHARDS)]
    running = [trainer.start(*command) for command in extract]
    deadline = time.monotonic() + 240
    while not _blocks(work) and time.monotonic() < deadline:
        time.sleep(0.1)
    _docker("kill", "--signal", "KILL", running[1])
    assert trainer.finish(running[1])[0] == 137
    again = trainer.finish(trainer.start(*extract[1]))
    others = [trainer.finish(running[number]) for number in (0, 2)]
    before = _blocks(work)
    trained = trainer.finish(
        trainer.start(
            *("train", *RECIPE, "--steps", "300", "--out", "/shards/models", "--test-patients", "4", "--no-int8"),
            "--allow-missed-target",
        )
    )

    assert [code for code, _ in (again, *others, trained)] == [0] * 4, (again, others, trained)
    assert read_bundle(work / "models" / ".candidates" / "idc" / "1000").manifest.dataset.patches == 1200
    assert _blocks(work) == before
    assert _rows(work) == [1200, 1200]
