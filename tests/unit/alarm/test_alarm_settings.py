from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from idc_alarm.settings import AlarmSettings
from idc_servicekit.settings import describe_invalid

MQTT = {"username": "alarm", "password_file": "/secret", "ca_file": "/ca.crt"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARM_PIN_FACTORY", "mock")
    for name, value in MQTT.items():
        monkeypatch.setenv(f"ALARM_MQTT__{name.upper()}", value)


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARM_PINS__RED", "5")
    monkeypatch.setenv("ALARM_PINS__ACTIVE_HIGH", "false")
    monkeypatch.setenv("ALARM_STATE_DIR", "/somewhere")
    monkeypatch.setenv("ALARM_SITE", "lab-2")

    settings = AlarmSettings()  # type: ignore[call-arg]

    assert settings.pins.red == 5
    assert settings.pins.active_high is False
    assert settings.state_dir == Path("/somewhere")
    assert (settings.site, settings.device) == ("lab-2", "alarm")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("ALARM_PINS__RED", "28", "ALARM_PINS__RED"),
        ("ALARM_PINS__BUZZER", "1", "ALARM_PINS__BUZZER"),
        ("ALARM_PINS__BLUE", "17", "need different lines"),
        ("ALARM_PATTERNS__FINDING_LAMP", "[250]", "ALARM_PATTERNS__FINDING_LAMP"),
        ("ALARM_PATTERNS__FINDING_LAMP", "[250, 250, 250]", "even count"),
        ("ALARM_RULES__CLEAR_FOR_S", "0", "ALARM_RULES__CLEAR_FOR_S"),
        ("ALARM_RULES__DECISIONS", "[]", "ALARM_RULES__DECISIONS"),
        ("ALARM_RULES__GATEWAYS", '["gateway"]', "ALARM_RULES__GATEWAYS"),
        ("ALARM_SITES", '["+"]', "ALARM_SITES"),
        ("ALARM_PINS__GREEN", "5", "ALARM_PINS__GREEN"),
        ("ALARM_PIN_FACTORY", "rpigpio", "ALARM_PIN_FACTORY"),
        ("ALARM_DEVICE", "Alarm/1", "ALARM_DEVICE"),
    ],
)
def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as error:
        AlarmSettings()  # type: ignore[call-arg]

    assert named in describe_invalid(error.value, "ALARM_")


def test_pin_driver_must_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALARM_PIN_FACTORY")

    with pytest.raises(ValidationError, match="pin_factory"):
        AlarmSettings()  # type: ignore[call-arg]


def test_settings_cannot_be_changed() -> None:
    settings: Any = AlarmSettings()  # type: ignore[call-arg]

    with pytest.raises(ValidationError):
        settings.device = "other"


def test_an_alarm_without_a_button_says_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARM_PINS__BUTTON", "null")

    settings = AlarmSettings()  # type: ignore[call-arg]

    assert settings.pins.button is None
