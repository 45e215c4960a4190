"""A number in a JSON body is a number: `true` and `"1"` are refused, as the description says."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from idc_contracts import SilenceAlarm
from idc_contracts.slides import ReviewsToRecord
from idc_gateway.app import create_app
from idc_slides.web.routes.slides import QueuedSlide, StatedScale


def _known(model: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for derived in model.__subclasses__():
        yield derived
        yield from _known(derived)


def _bodies() -> set[type[BaseModel]]:
    """The models of the gateway's JSON bodies, and of what the slides service and the alarms read."""
    operations = [each for path in create_app(None).openapi()["paths"].values() for each in path.values()]
    contents = [
        each["requestBody"]["content"].get("application/json", {}) for each in operations if "requestBody" in each
    ]
    names = {content.get("schema", {}).get("$ref", "").rpartition("/")[2] for content in contents}
    own = {model for model in _known() if model.__module__.startswith("idc_gateway.web") and model.__name__ in names}
    return own | {SilenceAlarm, ReviewsToRecord, QueuedSlide, StatedScale}


def _takes_number(schema: dict[str, object]) -> bool:
    kinds = [schema, *schema.get("anyOf", [])]  # type: ignore[misc] # a list where it is there
    return any(kind.get("type") in {"integer", "number"} and "const" not in kind for kind in kinds)


NUMBERS = {
    f"{model.__module__.split('.')[0]}.{model.__name__}.{name}": TypeAdapter(field.rebuild_annotation())
    for model in sorted(_bodies(), key=lambda model: (model.__module__, model.__name__))
    for name, field in model.model_fields.items()
    if _takes_number(TypeAdapter(field.rebuild_annotation()).json_schema())
}


def test_bodies_with_numbers_are_found() -> None:
    assert len(NUMBERS) == 9
    assert {"idc_gateway.NewKey.expires_in_days", "idc_slides.StatedScale.um_per_px"} <= NUMBERS.keys()


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [True, "1"])
def test_only_a_number_is_taken_for_one(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match="expected a number"):
        NUMBERS[name].validate_python(value)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_may_be_written_with_a_fraction_of_zero(name: str) -> None:
    assert NUMBERS[name].validate_python(1.0) == 1


@pytest.mark.parametrize("cell", [[True, 1], [1, "1"]])
def test_a_cell_of_a_review_is_two_numbers(cell: list[object]) -> None:
    with pytest.raises(ValidationError, match="expected a number"):
        ReviewsToRecord.model_validate({"verdict": "idc", "cells": [cell]})
