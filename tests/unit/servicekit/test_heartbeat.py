import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from idc_servicekit.heartbeat import Heartbeat, age_s, main


def test_fresh_beat_is_healthy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Heartbeat(tmp_path / "alive").beat()

    assert main([str(tmp_path / "alive"), "30"]) == 0
    assert "last beat" in capsys.readouterr().out


def test_old_beat_is_unhealthy(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "alive").beat()
    long_ago = time.time() - 60
    os.utime(tmp_path / "alive", (long_ago, long_ago))

    assert main([str(tmp_path / "alive"), "30"]) == 1
    assert (age_s(tmp_path / "alive") or 0) > 30


def test_beat_makes_an_old_file_young(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "alive")
    heartbeat.beat()
    os.utime(tmp_path / "alive", (0, 0))

    heartbeat.beat()

    assert main([str(tmp_path / "alive"), "30"]) == 0


def test_missing_beat_is_unhealthy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "alive"), "30"]) == 1
    assert "no beat" in capsys.readouterr().out


def test_stopped_heart_is_unhealthy_at_once(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "alive")
    heartbeat.beat()

    heartbeat.stop()
    heartbeat.stop()

    assert age_s(tmp_path / "alive") is None


def test_beat_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Heartbeat(tmp_path / "missing" / "alive").beat()


def test_check_runs_as_a_command_and_imports_no_third_party_library(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "alive").beat()
    command = [sys.executable, "-X", "importtime", "-m", "idc_servicekit.heartbeat", str(tmp_path / "alive"), "30"]

    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    assert result.returncode == 0
    assert "pydantic" not in result.stderr
