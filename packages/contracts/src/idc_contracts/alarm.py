"""What an alarm reports of itself and what it can be told."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from idc_contracts.base import Contract, Message, UtcDatetime

Person = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""Who gave a command, as the alarm's log should name them."""


class AlarmMode(StrEnum):
    """What an alarm shows first of all, from the most to the least urgent."""

    FINDING = "finding"
    """A finding that nobody acknowledged: red flashes, the buzzer sounds."""
    SELF_TEST = "self_test"
    """Lamps and buzzer are tried in turn, which a finding ends; they say nothing of any patch."""
    SILENCED = "silenced"
    """Somebody silenced the buzzer for a time; what it stood for is still shown."""
    TECHNICAL = "technical"
    """Something is wrong with the way that findings come: see the reasons."""
    REVIEW = "review"
    """The latest patch was uncertain: amber is lit."""
    ACKNOWLEDGED = "acknowledged"
    """A finding was acknowledged, and no patch came after it."""
    CLEAR = "clear"
    """The latest patch, a moment ago, shows no IDC: blue is lit."""
    IDLE = "idle"
    """Nothing to show. This is no all-clear."""


class TechnicalReason(StrEnum):
    """Why an alarm cannot vouch for hearing every finding."""

    BROKER_LOST = "broker_lost"
    """There is no connection to the broker."""
    GATEWAY_OFFLINE = "gateway_offline"
    """A gateway is off, or none is known."""
    NO_MESSAGE = "no_message"
    """Nothing came for longer than it may."""
    CLOCK_WRONG = "clock_wrong"
    """The alarm's clock jumped, or disagrees with a gateway's."""
    JOURNAL_FAILED = "journal_failed"
    """What the alarm shows cannot be written down."""


class AlarmAction(StrEnum):
    """What an alarm did."""

    SOUNDED = "sounded"
    """A finding lit red and started the buzzer."""
    SHOWN = "shown"
    """A patch changed the lamps, without a sound."""
    RECORDED = "recorded"
    """A patch was noted and changed no lamp: too old, not the first finding, or the same result again."""
    ACKNOWLEDGED = "acknowledged"
    """Red and the buzzer went off because somebody saw the finding."""
    SILENCED = "silenced"
    """The buzzer went off for a time because somebody asked."""
    SILENCE_ENDED = "silence_ended"
    """The time of a silence was over."""
    SELF_TESTED = "self_tested"
    """A self-test began."""
    FADED = "faded"
    """Blue went out because its time was over."""
    TECHNICAL_RAISED = "technical_raised"
    """A technical reason came; blue went out."""
    TECHNICAL_CLEARED = "technical_cleared"
    """The last technical reason is gone."""
    IGNORED = "ignored"
    """A command found nothing to act on, or came too late."""


class Lamps(Contract):
    """Which lamps are lit or flash. Red and blue are never lit together."""

    red: bool = Field(default=False, description="IDC was found and nobody has acknowledged it yet.")
    amber: bool = Field(default=False, description="The last patch was uncertain, or something technical is wrong.")
    blue: bool = Field(default=False, description="The last patch, a moment ago, shows no IDC.")

    @model_validator(mode="after")
    def _red_excludes_blue(self) -> "Lamps":
        if self.red and self.blue:
            raise ValueError("red and blue must not be lit together")
        return self


class AlarmState(Message):
    """The alarm's outputs as they are now, retained by the broker."""

    lamps: Lamps
    buzzer: bool = Field(description="Whether the buzzer sounds.")
    state: AlarmMode | None = Field(
        default=None, description="What is shown first of all; null from an alarm that does not say."
    )
    latched_by: UUID | None = Field(
        default=None, description="The classification that raised the alarm and waits for an acknowledgement."
    )
    latched_since: UtcDatetime | None = Field(
        default=None, description="Since when a finding waits; null where none does, or where memory was lost."
    )
    silenced_until: UtcDatetime | None = Field(default=None, description="When the buzzer may sound again.")
    technical: tuple[TechnicalReason, ...] = Field(
        default=(), max_length=len(TechnicalReason), description="Everything that is wrong, in alphabetical order."
    )
    offline_gateways: tuple[str, ...] = Field(
        default=(), max_length=32, description="The gateways that are off, as `site/device`; the first 32."
    )
    last_classification: UUID | None = Field(default=None, description="The latest classification that was acted on.")
    changed_at: UtcDatetime = Field(description="When the outputs last changed.")
    rejected_messages: int = Field(
        default=0, ge=0, description="Messages dropped as unreadable since the alarm started."
    )


class AlarmActed(Message):
    """An alarm did something: because of a message, a button, or time."""

    action: AlarmAction
    state: AlarmMode = Field(description="What the alarm showed first of all, after the action.")
    acted_on: UUID | None = Field(
        default=None, description="The message that was acted on; null for the alarm's own button, time or trouble."
    )
    classification_id: UUID | None = Field(
        default=None, description="The result that the message was about, or the finding that was acknowledged."
    )
    by: Person | None = Field(default=None, description="Who gave the command; `button` for the alarm's own.")
    technical: tuple[TechnicalReason, ...] = Field(
        default=(), max_length=len(TechnicalReason), description="What is wrong, after the action."
    )
    latency_ms: float | None = Field(
        default=None,
        ge=0.0,
        allow_inf_nan=False,
        description="From the message's `sent_at` to the outputs; null without a message or a clock to trust.",
    )


class AcknowledgeAlarm(Message):
    """Someone saw the finding: put out red and the buzzer."""

    command: Literal["acknowledge"] = "acknowledge"
    by: Person = Field(description="Who acknowledges, as the alarm's log should name them.")


class SilenceAlarm(Message):
    """Someone asks for quiet: the buzzer stays off for a time, or until a new finding; lamps stay."""

    command: Literal["silence"] = "silence"
    by: Person = Field(description="Who silences, as the alarm's log should name them.")
    duration_s: int = Field(ge=1, le=3600, description="How long the buzzer stays off.")


class TestAlarm(Message):
    """Someone asks for a self-test: lamps and buzzer in turn. It does not run while a finding waits."""

    __test__ = False  # pytest would take the name for a test's

    command: Literal["test"] = "test"
    by: Person = Field(description="Who asks, as the alarm's log should name them.")
