"""What every service's settings share, and how a service ends when they are wrong."""

import os
from typing import Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from idc_contracts import Slug
from idc_servicekit.logs import LogFormat

EXIT_CONFIG: Final = os.EX_CONFIG
"""78: a setting is wrong (sysexits.h)."""
EXIT_UNAVAILABLE: Final = os.EX_UNAVAILABLE
"""69: something that the service needs is not there (sysexits.h)."""


class ServiceSettings(BaseSettings):
    """Base of a service's settings; a subclass gives the environment prefix and its own fields.

    Nested groups are set as `PREFIX_GROUP__FIELD`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__")

    site: Slug = Field(default="site", description="The site's name, one level of every topic.")
    log_format: LogFormat = Field(default="json", description="`json` for machines, `text` for people.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level.")


def describe_invalid(error: ValidationError, prefix: str) -> str:
    """One line that names each wrong setting by its environment variable, without its value, which may be a secret."""
    problems = [
        f"{prefix}{'__'.join(map(str, item['loc'])).upper()}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    ]
    return "wrong settings: " + "; ".join(problems)
