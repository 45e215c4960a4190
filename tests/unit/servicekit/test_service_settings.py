from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from idc_servicekit.settings import (
    EXIT_CONFIG,
    ServiceSettings,
    describe_invalid,
    describe_unknown,
)
from idc_servicekit.startup import start


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = 1
    names: tuple[str, ...] = ()
    secret: SecretStr = SecretStr("")


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")
    renamed: ClassVar[Mapping[str, str]] = {"DEMO_AMOUNT": "DEMO_GROUP__COUNT"}
    group: Group = Group()
    port: int = 80


def test_defaults_stand_without_an_environment() -> None:
    settings = DemoSettings()

    assert (settings.site, settings.log_format, settings.log_level) == ("site", "json", "INFO")


def test_nested_group_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_SITE", "lab-2")
    monkeypatch.setenv("DEMO_GROUP__COUNT", "3")

    settings = DemoSettings()

    assert settings.site == "lab-2"
    assert settings.group.count == 3


def test_every_wrong_setting_is_named_by_its_variable_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_GROUP__COUNT", "many")
    monkeypatch.setenv("DEMO_LOG_LEVEL", "LOUD")

    with pytest.raises(ValidationError) as error:
        DemoSettings()

    line = describe_invalid(error.value, "DEMO_", DemoSettings)
    assert "DEMO_GROUP__COUNT" in line
    assert "DEMO_LOG_LEVEL" in line
    assert "\n" not in line


@pytest.mark.parametrize("site", ["", "Lab", "a/b", "+", "#", "a" * 64])
def test_site_that_cannot_stand_in_a_topic_is_refused(site: str) -> None:
    with pytest.raises(ValidationError):
        DemoSettings(site=site)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("DEMO_SIGHT", "nearest is DEMO_SITE"),
        ("DEMO_GROUP_COUNT", "nearest is DEMO_GROUP__COUNT"),
        ("DEMO_GROUP__CUONT", "nearest is DEMO_GROUP__COUNT"),
        ("DEMO_COUNT", "nearest is DEMO_GROUP__COUNT"),
        ("demo_log_lvl", "nearest is DEMO_LOG_LEVEL"),
        ("DEMO_AMOUNT", "its name is now DEMO_GROUP__COUNT"),
        ("DEMO_RENAMED", "nearest is"),
        ("DEMMO_SITE", "nearest is DEMO_SITE"),
        ("DMO_GROUP__COUNT", "nearest is DEMO_GROUP__COUNT"),
        ("GROUP__COUNT", "nearest is DEMO_GROUP__COUNT"),
    ],
)
def test_unknown_setting_is_reported_with_the_right_name_and_without_its_value(wrong: str, right: str) -> None:
    line = describe_unknown(DemoSettings, {wrong: "hunter2", "DEMO_SITE": "lab", "OTHER": "1"})

    assert line is not None
    assert line.startswith(f"wrong settings: {wrong.upper()}: ")
    assert right in line
    assert "hunter2" not in line


def test_every_unknown_setting_is_reported_in_one_line() -> None:
    line = describe_unknown(DemoSettings, {"DEMO_A": "1", "DEMO_B\n": "2", "DEMO_SITE": "lab"})

    assert line is not None
    assert "DEMO_A:" in line
    assert "DEMO_B\\n:" in line
    assert "\n" not in line


def test_list_that_is_not_json_is_reported_by_its_variable_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_GROUP__NAMES", "hunter2")
    monkeypatch.setenv("DEMO_GROUP__COUNT", "3")

    assert start("demo", DemoSettings, lambda _: None, ()) == EXIT_CONFIG

    said = capsys.readouterr().err
    assert (
        said
        == 'idc-demo: wrong settings: DEMO_GROUP__NAMES: lists and groups are written as JSON, such as ["a", "b"]\n'
    )


@pytest.mark.parametrize(
    "names",
    [
        ["DEMO_SITE", "demo_port", "DEMO_GROUP", "DEMO_GROUP__COUNT", "DEMO_GROUP__SECRET"],
        ["PORT", "SITE", "GROUP", "MEMO_SITE", "DEM_OTHER", "OTEL_LOG_LEVEL"],
    ],
)
def test_known_settings_and_variables_of_other_programs_are_never_reported(names: list[str]) -> None:
    assert describe_unknown(DemoSettings, dict.fromkeys(names, "a")) is None


def test_what_kubernetes_and_docker_say_of_services_is_not_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {
        "DEMO_SERVICE_HOST": "10.0.0.1",
        "DEMO_SERVICE_PORT": "8080",
        "DEMO_SERVICE_PORT_HTTP": "8080",
        "DEMO_PORT": "tcp://10.0.0.1:8080",
        "DEMO_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "DEMO_PORT_8080_TCP_PROTO": "tcp",
        "DEMO_PORT_8080_TCP_PORT": "8080",
        "DEMO_PORT_8080_TCP_ADDR": "10.0.0.1",
        "DEMO_METRICS_SERVICE_HOST": "10.0.0.2",
        "DEMO_METRICS_PORT": "tcp://10.0.0.2:9090",
        "DEMO_METRICS_PORT_9090_TCP": "tcp://10.0.0.2:9090",
    }
    for name, value in links.items():
        monkeypatch.setenv(name, value)

    assert describe_unknown(DemoSettings, links) is None
    assert DemoSettings().port == 80


def test_port_that_is_a_number_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PORT", "8081")

    assert DemoSettings().port == 8081


def test_unknown_field_of_a_group_in_json_is_reported_with_the_right_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_GROUP", '{"cuont": "hunter2"}')

    with pytest.raises(ValidationError) as error:
        DemoSettings()

    line = describe_invalid(error.value, "DEMO_", DemoSettings)
    assert "DEMO_GROUP__CUONT: there is no such setting; the nearest is DEMO_GROUP__COUNT" in line
    assert "hunter2" not in line
