"""Fields of every message: version, id, time and source."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID, uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""One level of a topic: lower-case letters, digits and hyphens, without wildcards and separators."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest as 64 lower-case hexadecimal digits."""

Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
"""A probability from 0.0 to 1.0."""


def _is_number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic takes it for bad input
    return value


JSON_NUMBER: Final = BeforeValidator(_is_number)
"""Marks a field that takes a number of JSON, which may be written as 34.0, and neither `true` nor `"34"`."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("the time is before year 1 or after year 9999 in UTC") from exc


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with a time zone, converted to UTC; a time outside the range of UTC is rejected."""


def utc_now() -> datetime:
    """The current time in UTC, aware."""
    return datetime.now(UTC)


class Contract(BaseModel):
    """An immutable value; fields that a newer producer adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Message(Contract):
    """A contract that travels over the broker."""

    schema_version: Literal[1] = Field(default=1, description="Increases with any change but a new optional field.")
    message_id: UUID = Field(default_factory=uuid4, description="Two messages with the same id are one event.")
    sent_at: UtcDatetime = Field(default_factory=utc_now, description="When the producer made the message, in UTC.")
    source: Slug = Field(description="The device that made the message, as in its topic.")
    correlation_id: str | None = Field(
        default=None, max_length=64, description="The HTTP request or message that caused this one."
    )

    def to_payload(self) -> bytes:
        """The message as UTF-8 JSON."""
        return self.model_dump_json().encode()

    @classmethod
    def from_payload(cls, payload: bytes | bytearray | str) -> Self:
        """Read a message.

        Raises:
            pydantic.ValidationError: The payload is not JSON or does not fit this message.
        """
        return cls.model_validate_json(payload)
