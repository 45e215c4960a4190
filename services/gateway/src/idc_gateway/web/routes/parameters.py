"""Parameters of several endpoints."""

import re
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import Depends, Header, Query
from pydantic import (
    BaseModel,
    BeforeValidator,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from idc_contracts import Decision, Reason, UtcDatetime
from idc_gateway.classifying.origins import MAX_COORDINATE_PX, MAX_NAME_LENGTH, MAX_SLIDE_LENGTH
from idc_gateway.results.classifications import PatchOrigin
from idc_gateway.results.queries import ClassificationFilter, Cursor, Order
from idc_modelio.field import MAX_UM_PER_PX, MIN_UM_PER_PX

Label = Annotated[str, Query(min_length=1, max_length=64, pattern=r"^[\w .:/+@-]+$")]
SlideLabel = Annotated[str, Query(min_length=1, max_length=MAX_SLIDE_LENGTH, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""A slide's name may have any character of a file name: scanners write brackets, commas and more."""
Coordinate = Annotated[int, Query(ge=0, le=MAX_COORDINATE_PX, description="In pixels of the slide.")]
Extent = Annotated[int, Query(ge=1, le=MAX_COORDINATE_PX, description="In the pixels of `x` and `y`.")]


def _scale(value: object, check: ValidatorFunctionWrapHandler) -> float:
    try:
        um_per_px: float = check(value)
    except ValidationError as exc:
        raise ValueError(
            f"{str(value)[:32]!r} is not a scale: state micrometres per pixel of the image, {MIN_UM_PER_PX:g} to "
            f"{MAX_UM_PER_PX:g}, such as 4 for 50 px over 200 µm; or omit it"
        ) from exc
    return um_per_px


UmPerPx = Annotated[
    float,
    Query(
        ge=MIN_UM_PER_PX,
        le=MAX_UM_PER_PX,
        allow_inf_nan=False,
        description="Micrometres per pixel of the images. The central 200 µm x 200 µm of each are classified; an image "
        "that shows less than 190 µm gets the reason `unfamiliar`. Not stated, an image that is not 50 x 50 px is "
        "assumed to show 200 µm.",
    ),
    WrapValidator(_scale),
]

GivenName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
"""A key's or user's name in a request; databases do not take a zero byte."""
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items in the answer.")]
GivenCursor = Annotated[str | None, Query(max_length=128, description="`next_cursor` of the previous page.")]


class OrderedPage(NamedTuple):
    """Which part of a list in which order."""

    limit: int
    cursor: str | None
    order: Order


async def _ordered_page(
    limit: Limit = 50,
    cursor: GivenCursor = None,
    order: Annotated[
        Order, Query(description="`uncertainty`: P(IDC) nearest the middle between the thresholds first.")
    ] = Order.NEWEST,
) -> OrderedPage:
    return OrderedPage(limit, cursor, order)


WantedPage = Annotated[OrderedPage, Depends(_ordered_page)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A request repeated with the same key within a day gets the first answer and changes nothing.",
    ),
]

Once = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Name of a series in which each image (file name, labels, content) is stored once. An image that "
        "is already stored, by any sender, gets the stored result. It is stored again after that result was deleted, "
        "or in another series. Do not combine it with an Idempotency-Key.",
    ),
]


# RFC 3339; pydantic alone would also accept a number of seconds.
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: object) -> object:
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise ValueError("write a time with its time zone: 2026-01-31T09:30:00Z")
    return value


Moment = Annotated[UtcDatetime, BeforeValidator(_moment), Query(description="RFC 3339, with a time zone.")]


class UploadQuery(BaseModel):
    """The sender's labels of a request's images; missing ones are read from names of QuPath and of the public set."""

    name: Annotated[str, Query(description=f"A raw body's file name; cut to {MAX_NAME_LENGTH} characters.")] = ""
    once: Once = None
    patient: Label | None = None
    slide: SlideLabel | None = None
    x: Coordinate | None = None
    y: Coordinate | None = None
    w: Extent | None = None
    h: Extent | None = None
    um_per_px: UmPerPx | None = None
    folder: Annotated[UUID | None, Query(description="The folder that they belong to: see `PUT /folders/{id}`.")] = None

    @property
    def origin(self) -> PatchOrigin:
        """Where the images are from."""
        return PatchOrigin(self.patient, self.slide, self.x, self.y, self.w, self.h, self.um_per_px, self.folder)


async def _filters(  # noqa: PLR0913, PLR0917 - each is a parameter of the query
    decision: Decision | None = None,
    patient: Label | None = None,
    slide: SlideLabel | None = None,
    reviewed: Annotated[bool | None, Query(description="Whether it has a review.")] = None,
    created_from: Moment | None = None,
    created_before: Moment | None = None,
    reason: Annotated[Reason | None, Query(description="Only uncertain results with this reason.")] = None,
    folder: Annotated[UUID | None, Query(description="Only results of this folder.")] = None,
) -> ClassificationFilter:
    return ClassificationFilter(decision, patient, slide, reviewed, created_from, created_before, reason, folder)


Filters = Annotated[ClassificationFilter, Depends(_filters)]


def parse_cursor(text: str | None) -> Cursor | None:
    """Raises BadCursor where it is not one of this gateway's."""
    return None if text is None else Cursor.parse(text)
