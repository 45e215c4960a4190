"""The trainer as a process of its own that is killed or interrupted in the middle of its work."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from idc_modelio.bundles import read_bundle, versions
from support.eventually import eventually
from support.made_patches import write_patch_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patch_folder(tmp_path_factory.mktemp("data"), dict.fromkeys("abcd", (8, 8)))


class _Trainings:
    """Starts trainings; none outlives the test."""

    def __init__(self, data: Path, place: Path) -> None:
        self._command = [sys.executable, "-m", "idc_trainer", "train", "--data", str(data), "--out", str(place / "out")]
        self._command += ["--cache", str(place / "cache"), "--input-px", "32", "--stages", "stage3,stage4"]
        self._command += [
            "--no-int8",
            "--allow-missed-target",
            "--test-patients",
            "a",
            "--validation-patients",
            "b",
        ]
        self._command += ["--train-from", "stage4", "--steps", "200", "--batch", "8", "--learning-rate", "0.003"]
        self.started: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        return process


@pytest.fixture
def trainings(data: Path, tmp_path: Path) -> Iterator[_Trainings]:
    trainings = _Trainings(data, tmp_path)
    yield trainings
    for process in trainings.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _wait(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait until a condition holds while a process runs."""
    asyncio.run(eventually(lambda: condition() or process.poll() is not None, timeout_s=300))
    assert process.poll() is None


def _history(place: Path) -> list[dict[str, float]]:
    found = list((place / "cache" / "runs").glob("*/network-1/history.json"))
    return json.loads(found[0].read_text()) if found else []


def _logged_epochs(place: Path) -> list[int]:
    """The epochs in the TensorBoard log, from 0, in the order in which they were logged."""
    (folder,) = (place / "cache" / "runs").glob("*/network-1/tensorboard/train")
    log = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    log.Reload()
    return [event.step for event in log.Tensors("epoch_loss")]


def test_a_killed_training_goes_on_and_repeats_no_finished_epoch(trainings: _Trainings, tmp_path: Path) -> None:
    process = trainings.start()
    _wait(process, lambda: len(_history(tmp_path)) == 1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    first = _history(tmp_path)
    assert (process.returncode, len(first)) == (-signal.SIGKILL, 1)
    assert versions(tmp_path / "out" / ".candidates", "idc") == []

    again = trainings.start()
    _, told = again.communicate(timeout=300)

    assert again.returncode == 0, told
    manifest = read_bundle(tmp_path / "out" / ".candidates" / "idc" / "1000").manifest
    assert manifest.backbone.fine_tuned_from == "stage4"
    history = _history(tmp_path)
    assert (len(history), history[0]) == (2, first[0])
    assert _logged_epochs(tmp_path) in ([0, 1], [1])  # killed between keeping an epoch and logging it
    assert "training network 1" in told
    assert "absl" not in told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_training_ends_with_one_line_and_leaves_no_bundle(
    trainings: _Trainings, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = trainings.start()
    _wait(process, lambda: any((tmp_path / "cache" / "runs").glob("*/network-1/tensorboard")))

    os.kill(process.pid, number)
    _, told = process.communicate(timeout=300)

    assert process.returncode == code
    assert told.splitlines()[-1] == "idc-trainer: stopped; no bundle was written"
    assert "Traceback" not in told
    assert list((tmp_path / "out" / ".candidates" / "idc").iterdir()) == []
