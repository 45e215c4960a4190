"""What an alarm reports of itself and what it can be told."""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from idc_contracts.base import Contract, Message, UtcDatetime

PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$"
"""No control characters, line breaks or changes of direction: a log line stays one line and reads as it was written."""

Person = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]
"""Who gave a command. The gateway writes its caller's name; from anybody else it is the sender's claim."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=PRINTABLE)]
"""Free text of the person who gives a command."""
MAX_FINDINGS: Final = 64
"""Findings that an alarm can name while they wait: as many as a gateway sends again."""

NOTHING_SEEN: Final = UUID(int=0)
"""What an acknowledgement is `up_to` whose sender saw no finding: it clears nothing, whatever came meanwhile."""


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
    """Somebody saw the findings that are named; where none is left, red and the buzzer went off."""
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
    """A command found nothing to act on, came too late, or named a finding that does not wait."""


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
    latest_finding: UUID | None = Field(
        default=None,
        description="The newest finding that waits: an acknowledgement `up_to` it clears all that wait now. "
        "Lost memory waits under an id of its own, which is no classification's.",
    )
    findings: int = Field(default=0, ge=0, description="How many findings wait for an acknowledgement.")
    silenced_until: UtcDatetime | None = Field(
        default=None, description="When a silence ends; what came after it was asked for sounds all the same."
    )
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
        default=None, description="The result that the message was about, or the newest finding that was acknowledged."
    )
    cleared: tuple[UUID, ...] = Field(
        default=(), max_length=MAX_FINDINGS, description="The findings that were acknowledged, oldest first."
    )
    by: Person | None = Field(default=None, description="Who gave the command; `button` for the alarm's own.")
    note: Note | None = Field(default=None, description="What the person who gave the command had to say.")
    technical: tuple[TechnicalReason, ...] = Field(
        default=(), max_length=len(TechnicalReason), description="What is wrong, after the action."
    )
    latency_ms: float | None = Field(
        default=None,
        ge=0.0,
        allow_inf_nan=False,
        description="From the message's `sent_at` to the outputs; null without a message or a clock to trust.",
    )


class AlarmCommand(Message):
    """What all commands to an alarm have."""

    by: Person = Field(
        description="Who gives the command: the gateway writes its caller's name; from other senders it is a claim."
    )
    note: Note | None = Field(default=None, description="Free text, kept with the command.")


class AcknowledgeAlarm(AlarmCommand):
    """Someone saw findings: they wait no longer, and where none is left, red and the buzzer go off."""

    command: Literal["acknowledge"] = "acknowledge"
    up_to: UUID | None = Field(
        default=None,
        description="The newest finding that the sender saw. It and those before it are cleared, no later one; where it"
        " does not wait, nothing is. Null: only findings made before `sent_at` are cleared.",
    )


class SilenceAlarm(AlarmCommand):
    """Someone asks for quiet: what sounds now stays silent for a time. What comes later sounds; lamps stay."""

    command: Literal["silence"] = "silence"
    duration_s: int = Field(ge=1, le=3600, description="How long the buzzer stays off.")


class TestAlarm(AlarmCommand):
    """Someone asks for a self-test: lamps and buzzer in turn. It does not run while a finding waits."""

    __test__ = False  # pytest would take the name for a test's

    command: Literal["test"] = "test"
