"""Queries of the stored results, and their answers."""

import base64
import binascii
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, TypeVar
from uuid import UUID

from idc_contracts import Decision, Reason
from idc_gateway.errors import BadCursor
from idc_gateway.results.classifications import Classification

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LARGEST: Final = 2**62

AnyCursor_co = TypeVar("AnyCursor_co", bound="Cursor | UncertaintyCursor", covariant=True)


@dataclass(frozen=True)
class ClassificationFilter:
    """Filters of results; None does not filter."""

    decision: Decision | None = None
    patient: str | None = None
    slide: str | None = None
    reviewed: bool | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    reason: Reason | None = None
    folder: UUID | None = None

    def fits(self, result: Classification) -> bool:
        """Whether a result has the wanted decision, reason and review; the other filters are not checked."""
        return (
            (self.decision is None or result.decision is self.decision)
            and (self.reason is None or self.reason in result.reasons)
            and (self.reviewed is None or (result.review is not None) == self.reviewed)
        )


@dataclass(frozen=True)
class Cursor:
    """A position in the list of results, which is ordered by time and, within one moment, by sequence number."""

    created_at: datetime
    sequence: int

    def __str__(self) -> str:
        microseconds = (self.created_at - _EPOCH) // _MICROSECOND
        return base64.urlsafe_b64encode(f"{microseconds}.{self.sequence}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what `str` wrote; raises BadCursor for anything else."""
        try:
            decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            microseconds, sequence = map(int, decoded.split("."))
            return cls(_EPOCH + microseconds * _MICROSECOND, min(max(sequence, 0), _LARGEST))
        except (ValueError, OverflowError, binascii.Error) as exc:
            raise bad_cursor(text) from exc


@dataclass(frozen=True)
class UncertaintyCursor:
    """A position in the list of results by their distance from the cut and, at one distance, by sequence number."""

    distance: float
    sequence: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.distance!r}:{self.sequence}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "UncertaintyCursor":
        """Read what `str` wrote; raises BadCursor for anything else."""
        try:
            decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            distance, sequence = decoded.split(":")
            place = cls(float(distance), min(max(int(sequence), 0), _LARGEST))
        except (ValueError, binascii.Error) as exc:
            raise bad_cursor(text) from exc
        if not math.isfinite(place.distance):
            raise bad_cursor(text)
        return place


def bad_cursor(text: str) -> BadCursor:
    return BadCursor(f"the cursor {text[:64]!r} was not issued by this gateway for this order: omit it to start")


class Order(StrEnum):
    """The order of a list of results."""

    NEWEST = "newest"
    UNCERTAINTY = "uncertainty"
    """P(IDC) nearest the middle between the thresholds first."""


@dataclass(frozen=True)
class Page(Generic[AnyCursor_co]):
    """Some results in their order, and where the next page begins."""

    items: list[Classification]
    next_cursor: AnyCursor_co | None


@dataclass(frozen=True)
class ListedImage:
    """An image as it was listed at one moment."""

    object_name: str
    size_bytes: int
    stored_at: datetime
    """When the latest result with it was stored."""
