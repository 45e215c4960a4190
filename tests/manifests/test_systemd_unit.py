"""The unit that runs the alarm on a Raspberry Pi without containers: systemd takes it, and it names real settings."""

import re
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


def environment_of_unit() -> dict[str, str]:
    """What systemd sets, with the folders that it puts in the place of `%S`, `%t` and `%d`."""
    folders = {"%S": "/var/lib", "%t": "/run", "%d": "/run/credentials/idc-alarm.service"}
    pairs: dict[str, str] = {}
    for line in UNIT.read_text().splitlines():
        if line.startswith("Environment="):
            pairs |= dict(pair.split("=", 1) for pair in line.removeprefix("Environment=").split())
    return {name: re.sub("%[Std]", lambda found: folders[found[0]], value) for name, value in pairs.items()}


def environment_file_of_page() -> dict[str, str]:
    """The lines that docs/how-to/raspberry-pi.md writes into `/etc/idc-alarm/alarm.env`."""
    page = (UNIT.parents[2] / "docs/how-to/raspberry-pi.md").read_text()
    found = re.search(r"printf '(.*)' \| sudo tee /etc/idc-alarm/alarm.env", page)
    assert found is not None
    return dict(line.split("=", 1) for line in found[1].split(r"\n") if line)


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
    of_alarm = {name for name in environment_of_unit() if name.startswith("ALARM_")}

    assert of_alarm
    assert of_alarm <= setting_names(AlarmSettings)


def test_unit_and_the_settings_file_of_the_page_make_a_whole_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (environment_of_unit() | environment_file_of_page()).items():
        monkeypatch.setenv(name, value)

    settings = AlarmSettings()

    assert settings.pin_factory == "lgpio"
    assert settings.state_dir == Path("/var/lib/idc-alarm")
    assert settings.mqtt.host == "edge.lan"
    assert settings.mqtt.key_file == Path("/run/credentials/idc-alarm.service/client.key")


def test_each_secret_of_the_alarm_is_given_to_it_by_systemd() -> None:
    text = UNIT.read_text()
    given = {line.split("=")[1].split(":")[0] for line in text.splitlines() if line.startswith("LoadCredential=")}

    assert given == {"ca.crt", "mqtt-password", "client.crt", "client.key"}
    assert all(f"=%d/{name}" in text for name in given)
