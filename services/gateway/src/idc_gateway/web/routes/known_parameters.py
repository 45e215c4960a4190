"""Rejects unknown query parameters: a filter with a wrong name would filter nothing."""

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from inspect import isclass
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel


async def only_known_parameters(request: Request) -> None:
    """Raise RequestValidationError where a query parameter is unknown, or is given twice."""
    if not request.query_params:
        return
    known = sorted(set(_names(request.scope["route"].dependant)))
    wrong = [
        {"loc": ("query", name[:64]), "msg": _reason(name, known), "type": "unknown"}
        for name, count in Counter(name for name, _ in request.query_params.multi_items()).items()
        if count > 1 or name not in known
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _reason(name: str, known: list[str]) -> str:
    if name in known:
        return "it is given more than once: send one value"
    close = get_close_matches(name, known, 1, 0.5)
    if close:
        return f"there is no such parameter: did you mean {close[0]!r}?"
    return f"there is no such parameter: use one of {', '.join(known)}" if known else "this endpoint has no parameters"


def _names(dependant: Dependant) -> Iterator[Any]:
    for field in dependant.query_params:
        kind = field.field_info.annotation
        yield from kind.model_fields if isclass(kind) and issubclass(kind, BaseModel) else [field.alias]
    for part in dependant.dependencies:
        yield from _names(part)
