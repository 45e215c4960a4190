"""What an alarm reports, and the commands it accepts."""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from idc_contracts.base import JSON_NUMBER, Contract, Message, UtcDatetime

PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$"
"""No control characters, line breaks or changes of text direction: a log line stays one readable line."""

Person = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]
"""Who gave a command. The gateway writes its caller's name; from any other sender it is a claim."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=PRINTABLE)]
"""Free text with a command."""
MAX_FINDINGS: Final = 64
"""Unacknowledged findings that an alarm can name: as many as a gateway sends again."""

NOTHING_SEEN: Final = UUID(int=0)
"""`up_to` of an acknowledgement whose sender saw no finding: it clears nothing."""


class AlarmMode(StrEnum):
    """The most urgent thing that an alarm shows; listed by urgency."""

    FINDING = "finding"
    """An unacknowledged finding: red flashes, the buzzer sounds."""
    SELF_TEST = "self_test"
    """Lamps and buzzer are tested in turn, until a finding interrupts them; they say nothing about any patch."""
    SILENCED = "silenced"
    """Somebody silenced the buzzer for some time; the lamps still show its cause."""
    TECHNICAL = "technical"
    """Findings may not arrive: see the reasons."""
    REVIEW = "review"
    """The latest result was uncertain: amber is lit."""
    ACKNOWLEDGED = "acknowledged"
    """A finding was acknowledged, and no result followed."""
    CLEAR = "clear"
    """The latest result, a moment ago, shows no IDC: blue is lit."""
    IDLE = "idle"
    """Nothing to show. This is not an all-clear."""


class TechnicalReason(StrEnum):
    """Why an alarm may miss findings."""

    BROKER_LOST = "broker_lost"
    """There is no connection to the broker."""
    GATEWAY_OFFLINE = "gateway_offline"
    """A gateway is offline, or none is known."""
    NO_MESSAGE = "no_message"
    """No message arrived within the allowed time."""
    CLOCK_WRONG = "clock_wrong"
    """The alarm's clock jumped, or disagrees with a gateway's."""
    JOURNAL_FAILED = "journal_failed"
    """The alarm's memory cannot be written."""


class AlarmAction(StrEnum):
    """What an alarm did."""

    SOUNDED = "sounded"
    """A finding lit red and started the buzzer."""
    SHOWN = "shown"
    """A patch or slide changed the lamps, without a sound."""
    RECORDED = "recorded"
    """A result was recorded and changed no lamp: too old, not the first finding, or a repeated one."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody acknowledged the named findings; if none remains, red and the buzzer went off."""
    SILENCED = "silenced"
    """Somebody silenced the buzzer for some time."""
    SILENCE_ENDED = "silence_ended"
    """A silence expired."""
    SELF_TESTED = "self_tested"
    """A self-test began."""
    FADED = "faded"
    """Blue went out after its time."""
    TECHNICAL_RAISED = "technical_raised"
    """A technical reason appeared; blue went out."""
    TECHNICAL_CLEARED = "technical_cleared"
    """The last technical reason is gone."""
    IGNORED = "ignored"
    """A command had nothing to act on, came too late, or named a finding that is not waiting."""


class Lamps(Contract):
    """Which lamps are lit or flash. Red and blue are never lit together."""

    red: bool = Field(default=False, description="A finding is not acknowledged yet.")
    amber: bool = Field(default=False, description="The latest result was uncertain, or there is a technical problem.")
    blue: bool = Field(default=False, description="The latest result, a moment ago, shows no IDC.")

    @model_validator(mode="after")
    def _red_excludes_blue(self) -> "Lamps":
        if self.red and self.blue:
            raise ValueError("red and blue must not be lit together")
        return self


class AlarmState(Message):
    """The alarm's outputs now, retained by the broker."""

    lamps: Lamps
    buzzer: bool = Field(description="Whether the buzzer sounds.")
    state: AlarmMode | None = Field(
        default=None, description="The most urgent thing shown; null from an alarm that does not report it."
    )
    latched_by: UUID | None = Field(
        default=None, description="The unacknowledged classification or slide that raised the alarm."
    )
    latched_since: UtcDatetime | None = Field(
        default=None,
        description="Since when a finding has been waiting; null if none is waiting, or if the alarm lost its memory.",
    )
    latest_finding: UUID | None = Field(
        default=None,
        description="The newest unacknowledged finding: an acknowledgement `up_to` it clears all that are waiting now. "
        "An alarm that lost its memory reports a made-up id here, which is no result's.",
    )
    findings: int = Field(default=0, ge=0, description="Number of unacknowledged findings.")
    silenced_until: UtcDatetime | None = Field(
        default=None, description="When a silence ends; later findings still sound."
    )
    technical: tuple[TechnicalReason, ...] = Field(
        default=(), max_length=len(TechnicalReason), description="All technical problems, in alphabetical order."
    )
    offline_gateways: tuple[str, ...] = Field(
        default=(), max_length=32, description="The offline gateways, as `site/device`; the first 32."
    )
    last_classification: UUID | None = Field(
        default=None, description="The latest classification or slide that was acted on."
    )
    changed_at: UtcDatetime = Field(description="When the outputs last changed.")
    rejected_messages: int = Field(
        default=0, ge=0, description="Messages dropped as unreadable since the alarm started."
    )


class AlarmActed(Message):
    """An alarm acted on a message, a button, or time."""

    action: AlarmAction
    state: AlarmMode = Field(description="The most urgent thing shown after the action.")
    acted_on: UUID | None = Field(
        default=None,
        description="The message that was acted on; null for the alarm's own button, time or technical problem.",
    )
    classification_id: UUID | None = Field(
        default=None, description="The result in the message, or the newest acknowledged finding."
    )
    cleared: tuple[UUID, ...] = Field(
        default=(), max_length=MAX_FINDINGS, description="The acknowledged findings, oldest first."
    )
    by: Person | None = Field(default=None, description="Who gave the command; `button` for the alarm's own.")
    note: Note | None = Field(default=None, description="The note in the command.")
    technical: tuple[TechnicalReason, ...] = Field(
        default=(), max_length=len(TechnicalReason), description="The technical problems after the action."
    )
    latency_ms: float | None = Field(
        default=None,
        ge=0.0,
        allow_inf_nan=False,
        description="From the message's `sent_at` to the outputs; null without a message or a reliable clock.",
    )


class AlarmCommand(Message):
    """Fields of all commands to an alarm."""

    by: Person = Field(
        description="Who gives the command: the gateway writes its caller's name; from others it is only a claim."
    )
    note: Note | None = Field(default=None, description="Free text, kept with the command.")


class AcknowledgeAlarm(AlarmCommand):
    """Acknowledges findings; if none remains, red and the buzzer go off."""

    command: Literal["acknowledge"] = "acknowledge"
    up_to: UUID | None = Field(
        default=None,
        description="The newest finding that the sender saw. It and all earlier ones are cleared; if it is not "
        "waiting, nothing is cleared. Null clears the findings made before `sent_at`.",
    )


class SilenceAlarm(AlarmCommand):
    """Silences the buzzer for some time. Later findings still sound; the lamps stay as they are."""

    command: Literal["silence"] = "silence"
    duration_s: Annotated[int, JSON_NUMBER] = Field(ge=1, le=3600, description="How long the buzzer stays off.")


class TestAlarm(AlarmCommand):
    """Starts a self-test of lamps and buzzer. It does not run while a finding is waiting."""

    __test__ = False  # pytest would collect it by its name

    command: Literal["test"] = "test"
