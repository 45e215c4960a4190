"""How the process ends when it cannot begin."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run_alarm(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "PATH": os.environ["PATH"],
        "ALARM_PIN_FACTORY": "mock",
        "ALARM_STATE_DIR": str(tmp_path),
        "ALARM_ALIVE_FILE": str(tmp_path / "alive"),
        "ALARM_READY_FILE": str(tmp_path / "ready"),
        "ALARM_LOG_LEVEL": "ERROR",
        "ALARM_MQTT__USERNAME": "alarm",
        "ALARM_MQTT__PASSWORD_FILE": str(tmp_path / "password"),
        "ALARM_MQTT__CA_FILE": str(tmp_path / "ca.crt"),
    }
    return subprocess.run(
        [sys.executable, "-m", "idc_alarm"],
        env=settings | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_machine_without_pins_ends_with_69_and_one_line(tmp_path: Path) -> None:
    result = run_alarm(tmp_path, ALARM_PIN_FACTORY="lgpio")

    assert result.returncode == 69
    (line,) = result.stderr.splitlines()
    assert "lgpio" in line


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("ALARM_PINS__RED", "ALARM_PINS__RED"),
        ("ALARM_PINS", "ALARM_PINS"),  # not JSON
        ("ALARM_BUZZER", "ALARM_PINS__BUZZER_KIND"),
    ],
)
def test_wrong_setting_ends_with_78_and_one_line_without_its_value(tmp_path: Path, name: str, named: str) -> None:
    result = run_alarm(tmp_path, **{name: "hunter2"})

    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert name in line
    assert named in line
    assert "hunter2" not in line
