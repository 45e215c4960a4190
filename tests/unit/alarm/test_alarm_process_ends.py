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


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"ALARM_PINS__RED": "99"}, "ALARM_PINS__RED"),
        ({"ALARM_MQTT__USERNAME": ""}, "ALARM_MQTT__USERNAME"),
        ({"ALARM_PINS": "not json"}, "ALARM_PINS"),
    ],
)
def test_wrong_setting_ends_with_78_and_one_line(tmp_path: Path, environment: dict[str, str], named: str) -> None:
    result = run_alarm(tmp_path, **environment)

    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert named in line


def test_machine_without_pins_ends_with_69_and_one_line(tmp_path: Path) -> None:
    result = run_alarm(tmp_path, ALARM_PIN_FACTORY="lgpio")

    assert result.returncode == 69
    (line,) = result.stderr.splitlines()
    assert "lgpio" in line


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("ALARM_BUZZER", "ALARM_PINS__BUZZER_KIND"),
        ("ALARM_BUZZER_FREQUENCY_HZ", "ALARM_PINS__BUZZER_TONE_HZ"),
        ("ALARM_MQTT_HOST", "ALARM_MQTT__HOST"),
        ("ALARM_PINS__GREEN", "ALARM_PINS__"),
        ("ALARM_RULES__MAX_AGE", "ALARM_RULES__MAX_AGE_S"),
    ],
)
def test_setting_that_there_is_not_ends_with_78_and_the_right_name(tmp_path: Path, given: str, told: str) -> None:
    result = run_alarm(tmp_path, **{given: "hunter2"})

    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert given in line
    assert told in line
    assert "hunter2" not in line
