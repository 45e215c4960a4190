import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from idc_servicekit.settings import EXIT_CONFIG, EXIT_UNAVAILABLE, ServiceSettings, describe_invalid


class Group(BaseModel):
    count: int = 1
    secret: SecretStr = SecretStr("")


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")
    group: Group = Group()


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

    line = describe_invalid(error.value, "DEMO_")
    assert "DEMO_GROUP__COUNT" in line
    assert "DEMO_LOG_LEVEL" in line
    assert "\n" not in line


def test_wrong_value_is_not_repeated_as_it_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_GROUP__COUNT", "hunter2")

    with pytest.raises(ValidationError) as error:
        DemoSettings()

    assert "hunter2" not in describe_invalid(error.value, "DEMO_")


@pytest.mark.parametrize("site", ["", "Lab", "a/b", "+", "#", "a" * 64])
def test_site_that_cannot_stand_in_a_topic_is_refused(site: str) -> None:
    with pytest.raises(ValidationError):
        DemoSettings(site=site)


def test_exit_codes_are_those_of_sysexits() -> None:
    assert (EXIT_CONFIG, EXIT_UNAVAILABLE) == (78, 69)
