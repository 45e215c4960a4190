"""The unit that runs the alarm on a Raspberry Pi without containers: systemd takes it, and it names real settings."""

import shutil
import subprocess
from pathlib import Path

import pytest

from idc_alarm.settings import AlarmSettings
from support.setting_names import setting_names

UNIT = Path(__file__).parents[2] / "services/alarm/idc-alarm.service"
PROGRAM = "/opt/idc-alarm/bin/idc-alarm"


def analyze(unit: Path, *command: str) -> subprocess.CompletedProcess[str]:
    executable = shutil.which("systemd-analyze")
    if executable is None:
        pytest.skip("systemd-analyze is not here: run `make tools`")
    return subprocess.run([executable, *command, unit], capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def installed_unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine in the alarm's place."""
    text = UNIT.read_text()
    assert text.count(PROGRAM) == 1
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(PROGRAM, "/bin/true"))
    return unit


def settings_of_unit() -> set[str]:
    lines = [line for line in UNIT.read_text().splitlines() if line.startswith("Environment=")]
    return {pair.split("=")[0] for line in lines for pair in line.removeprefix("Environment=").split()}


def test_systemd_finds_no_fault_in_the_unit(installed_unit: Path) -> None:
    done = analyze(installed_unit, "verify")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_a_fault_in_a_broken_unit(installed_unit: Path) -> None:
    installed_unit.write_text(installed_unit.read_text().replace("Restart=always", "Restart=sometimes"))

    done = analyze(installed_unit, "verify")

    assert "sometimes" in done.stderr


def test_systemd_rates_the_exposure_at_most_two_of_ten(installed_unit: Path) -> None:
    done = analyze(installed_unit, "security", "--offline=true", "--no-pager", "--threshold=20")

    assert done.returncode == 0, done.stdout[-2000:]


def test_unit_names_only_settings_that_exist() -> None:
    of_alarm = {name for name in settings_of_unit() if name.startswith("ALARM_")}

    assert of_alarm
    assert of_alarm <= setting_names(AlarmSettings)


def test_each_secret_of_the_alarm_is_given_to_it_by_systemd() -> None:
    text = UNIT.read_text()
    given = {line.split("=")[1].split(":")[0] for line in text.splitlines() if line.startswith("LoadCredential=")}

    assert given == {"ca.crt", "mqtt-password", "client.crt", "client.key"}
    assert all(f"=%d/{name}" in text for name in given)
