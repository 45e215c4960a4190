import os
import time
from pathlib import Path

import pytest

from idc_servicekit.heartbeat import Heartbeat
from support.health_checks import check


def test_fresh_beat_is_healthy(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "alive").beat()

    assert check("heartbeat.sh", tmp_path / "alive", 30).returncode == 0


def test_old_beat_is_unhealthy_and_says_so(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "alive").beat()
    long_ago = time.time() - 60
    os.utime(tmp_path / "alive", (long_ago, long_ago))

    done = check("heartbeat.sh", tmp_path / "alive", 30)

    assert done.returncode == 1
    assert "last touched 6" in done.stdout


def test_beat_makes_an_old_file_young(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "alive")
    heartbeat.beat()
    os.utime(tmp_path / "alive", (0, 0))

    heartbeat.beat()

    assert check("heartbeat.sh", tmp_path / "alive", 30).returncode == 0


def test_stopped_heart_is_unhealthy_at_once(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "alive")
    heartbeat.beat()

    heartbeat.stop()
    heartbeat.stop()

    assert check("heartbeat.sh", tmp_path / "alive", 30).returncode == 1


def test_beat_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Heartbeat(tmp_path / "missing" / "alive").beat()
