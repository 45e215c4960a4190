"""The page of settings: those of the stack from `.env.example`, those of services from their settings classes."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from idc_alarm.settings import AlarmSettings
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from idc_slides.settings import SlidesSettings
from reference_tables import NOTICE, ROOT, table


def settings_page() -> str:
    """Every setting of the stack and its services."""
    page = (
        f"# Settings\n\n{NOTICE}\n\nLines of `.env` set the stack; how they work together is explained in\n"
        "[Configure the stack](../how-to/configure.md). Settings of one service go into a file beside `.env`.\n"
        "Values are numbers, text, or JSON for lists and groups. A wrong value or an unknown name ends\n"
        "the start with exit code 78 and a line that names the remedy.\n\n"
        f"## The stack\n\nFile: `.env`.\n\n{table('variable | default | meaning', stack_settings())}"
    )
    for name, kind, file in (
        ("Gateway", GatewaySettings, "`gateway.env`"),
        ("Inference", InferenceSettings, "`inference.env`"),
        ("Slides", SlidesSettings, "`slides.env`"),
        ("Alarm", AlarmSettings, "`alarm.env`, or `alarm-pi.env` for the alarm of the profile `pi`"),
    ):
        prefix = str(kind.model_config["env_prefix"])
        rows = (
            (f"`{prefix}{path.upper()}`", default_of(field), range_of(field), field.description or "")
            for path, field in fields(kind)
        )
        page += f"\n## {name}\n\nFile: {file}.\n\n{table('variable | default | range | meaning', rows)}"
    return page


def stack_settings() -> Iterator[tuple[str, str, str]]:
    """The variables of `.env.example`: those that follow one comment share it."""
    comment: list[str] = []
    names: list[tuple[str, str]] = []
    _head, *paragraphs = (ROOT / ".env.example").read_text(encoding="utf-8").split("\n\n")
    for line in "\n\n".join([*paragraphs, "# end"]).splitlines():
        if line.startswith("# "):
            if names:
                yield _listed(name for name, _ in names), _listed(value for _, value in names), " ".join(comment)
                comment, names = [], []
            comment.append(line.removeprefix("# "))
        elif line:
            name, _, value = line.removeprefix("#").partition("=")
            names.append((name, value))


def _listed(words: Iterable[str]) -> str:
    return "<br>".join(f"`{word}`" if word else "none" for word in words)


def fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Each field with its path, those of nested groups included."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((f"{name}__{inner}", found) for inner, found in fields(field.annotation))
        else:
            yield name, field


def default_of(field: FieldInfo) -> str:
    """A field's default as one would write it."""
    if field.default is PydanticUndefined:
        return "required"
    value = to_jsonable_python(field.default, fallback=str)
    if isinstance(value, list):
        if "NoDecode" in repr(field.metadata):
            return f"`{','.join(map(str, value))}`" if value else "none"
        value = json.dumps(sorted(value, key=str) if isinstance(field.default, frozenset) else value)
    elif isinstance(value, bool):
        value = str(value).lower()
    return "none" if value is None or value == "" else f"`{value}`"


def range_of(field: FieldInfo) -> str:
    """The numbers that a field takes."""
    bounds = {
        name: getattr(item, name)
        for item in _metadata(field)
        for name in ("ge", "gt", "le", "lt")
        if hasattr(item, name)
    }
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if low is None or high is None:
        return ""
    return f"over {low:,g} to {high:,}" if "gt" in bounds else f"{low:,} to {high:,}"


def _metadata(field: FieldInfo) -> list[Any]:
    """The constraints of a field, those of an optional one included."""
    inner = [item for kind in get_args(field.annotation) for item in getattr(kind, "__metadata__", ())]
    constraints = [*field.metadata, *inner]
    return [*constraints, *(part for item in constraints if isinstance(item, FieldInfo) for part in item.metadata)]
