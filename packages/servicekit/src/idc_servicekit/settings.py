"""Settings that all services share, and the error lines for wrong ones."""

import os
from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from idc_contracts import Slug
from idc_servicekit.logs import LogFormat
from idc_servicekit.setting_names import is_service_link, no_such_setting, setting_names, unknown_settings

EXIT_CONFIG: Final = os.EX_CONFIG
"""78: a setting is wrong (sysexits.h)."""
EXIT_UNAVAILABLE: Final = os.EX_UNAVAILABLE
"""69: something that the service needs is missing (sysexits.h)."""


class ServiceSettings(BaseSettings):
    """Base of a service's settings; a subclass adds the environment prefix and its own fields.

    Nested groups are set as `PREFIX_GROUP__FIELD`. Variables by which Kubernetes or Docker announce a service of the
    same name are not read.
    """

    renamed: ClassVar[Mapping[str, str]] = {}
    """Former names of variables, with the current ones."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__")

    site: Slug = Field(default="site", description="The site's name, one level of every topic.")
    log_format: LogFormat = Field(default="json", description="`json` for machines, `text` for people.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments override the environment; nothing else is read."""
        return init_settings, _Environment(settings_cls)


class _Environment(EnvSettingsSource):
    def _load_env_vars(self) -> Mapping[str, str | None]:
        variables = super()._load_env_vars()
        return {name: value for name, value in variables.items() if not is_service_link(name, value)}


def describe_invalid(error: ValidationError, prefix: str, settings: type[ServiceSettings] | None = None) -> str:
    """One line that names each wrong setting by its variable, without its value, which may be a secret.

    Args:
        error: What reading the settings raised.
        prefix: What the variables begin with.
        settings: The settings; if given, an unknown name is reported with the nearest valid one.
    """
    problems = [
        f"{name}: {_problem(name, item, settings)}"
        for item in error.errors(include_input=False, include_url=False)
        for name in [f"{prefix}{'__'.join(map(str, item['loc']))}".upper()]
    ]
    return "wrong settings: " + "; ".join(problems)


def _problem(name: str, item: ErrorDetails, settings: type[ServiceSettings] | None) -> str:
    if settings is not None and item["type"] == "extra_forbidden":
        return no_such_setting(name, setting_names(settings), settings.renamed)
    return item["msg"]


def describe_unreadable(error: SettingsError, prefix: str, environment: Mapping[str, str]) -> str:
    """One line that names the variable in which a list or group is not valid JSON, without its value.

    Args:
        error: What reading the settings raised.
        prefix: What the variables begin with.
        environment: The variables.
    """
    value = getattr(error.__cause__, "doc", None)  # of a JSONDecodeError
    names = [name.upper() for name, held in sorted(environment.items()) if held == value]
    wrong = ", ".join(name for name in names if name.startswith(prefix.upper())) or str(error)
    return f'wrong settings: {wrong}: lists and groups are written as JSON, such as ["a", "b"]'


def describe_unknown(settings: type[ServiceSettings], environment: Mapping[str, str]) -> str | None:
    """One line that names each unknown variable and the nearest valid name; None if all are known."""
    problems = unknown_settings(settings, environment, settings.renamed)
    return "wrong settings: " + "; ".join(problems) if problems else None
