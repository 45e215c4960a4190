"""Which environment variables a service reads, and what to say about one that it does not."""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_settings import BaseSettings

_LINK_NAME: Final = re.compile(
    r"(.*_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO|START|END))?)"
)
_LIKELY_THE_SAME: Final = 0.8
_LINK_VALUE: Final = re.compile(r"(tcp|udp|sctp)://[^/]*")


def is_service_link(name: str, value: str | None) -> bool:
    """Whether a container platform, not a person, set a variable to announce a service.

    Kubernetes and Docker name it after the service: `gateway` makes `GATEWAY_PORT=tcp://…`.
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    upper = name.upper()
    is_address = re.search("[^_]_PORT$", upper) is not None and _LINK_VALUE.fullmatch(value or "") is not None
    return is_address or _LINK_NAME.fullmatch(upper) is not None


def setting_names(settings: type[BaseSettings]) -> frozenset[str]:
    """Every variable that a service reads, including nested groups and their fields."""
    prefix = str(settings.model_config["env_prefix"])
    return frozenset(f"{prefix}{name}".upper() for name in _field_names(settings))


def unknown_settings(
    settings: type[BaseSettings], environment: Mapping[str, str], renamed: Mapping[str, str]
) -> list[str]:
    """One line, without the value, for each variable that looks like a setting of a service and is not one.

    Args:
        settings: The service's settings.
        environment: The variables.
        renamed: Former names, with the current ones.
    """
    prefix, known = str(settings.model_config["env_prefix"]).upper(), setting_names(settings)
    return [
        f"{ascii(name.upper())[1:-1]}: {no_such_setting(name.upper(), known, renamed)}"
        for name, value in sorted(environment.items())
        if _is_meant(name.upper(), prefix, known) and name.upper() not in known and not is_service_link(name, value)
    ]


def _is_meant(name: str, prefix: str, known: frozenset[str]) -> bool:
    """Whether a variable is meant for a service: by its prefix, even if that is misspelt or missing."""
    beginning, separator, rest = name.partition("_")
    is_misspelt = f"{prefix}{rest}" in known and _likeness(beginning + separator, prefix) > _LIKELY_THE_SAME
    return name.startswith(prefix) or is_misspelt or ("__" in name and f"{prefix}{name}" in known)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def no_such_setting(name: str, known: frozenset[str], renamed: Mapping[str, str]) -> str:
    """What to say about an unknown name: the current name, or the nearest one."""
    if name in renamed:
        return f"its name is now {renamed[name]}"
    nearest = max(sorted(known), key=lambda other: _likeness(name, other))
    return f"there is no such setting; the nearest is {nearest}"


def _field_names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for group in _groups(field.annotation):
            yield from (f"{name}__{inner}" for inner in _field_names(group))


def _groups(annotation: Any) -> list[type[BaseModel]]:
    kinds = get_args(annotation) or (annotation,)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
