"""How a service starts, and how it says why it cannot."""

import json
import logging

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from idc_servicekit.settings import ServiceSettings
from idc_servicekit.startup import start


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    port: int = Field(default=1, ge=1)


class Missing(Exception):
    pass


def test_service_runs_with_its_settings_and_ends_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_PORT", "7")
    ran_with: list[int] = []

    code = start("demo", DemoSettings, lambda settings: ran_with.append(settings.port), unavailable=())

    assert (code, ran_with) == (0, [7])
    for handler in logging.getLogger().handlers:
        handler.flush()
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["service"], first["message"], first["settings"]["port"]) == ("demo", "starting", 7)


def test_wrong_setting_ends_with_78_and_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_PORT", "hunter2")

    code = start("demo", DemoSettings, lambda _settings: None, unavailable=())

    said = capsys.readouterr()
    assert code == 78
    assert said.err.startswith("idc-demo: wrong settings: DEMO_PORT: ")
    assert len(said.err.splitlines()) == 1
    assert "hunter2" not in said.err + said.out


def test_what_is_not_there_ends_with_69_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def run(_settings: DemoSettings) -> None:
        raise Missing("no disk")

    assert start("demo", DemoSettings, run, unavailable=(Missing,)) == 69
    assert capsys.readouterr().err == "idc-demo: no disk\n"


def test_other_errors_are_not_hidden() -> None:
    def run(_settings: DemoSettings) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        start("demo", DemoSettings, run, unavailable=(Missing,))
