"""What an alarm reports of itself and what it can be told."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from idc_contracts.base import Contract, Message


class Lamps(Contract):
    """Which lamps are lit. Red and blue are never lit together."""

    red: bool = Field(default=False, description="IDC was found and nobody has acknowledged it yet.")
    amber: bool = Field(default=False, description="The last patch was uncertain.")
    blue: bool = Field(default=False, description="The last patch shows no IDC.")

    @model_validator(mode="after")
    def _red_excludes_blue(self) -> "Lamps":
        if self.red and self.blue:
            raise ValueError("red and blue must not be lit together")
        return self


class AlarmState(Message):
    """The alarm's outputs as they are now, retained by the broker."""

    lamps: Lamps
    buzzer: bool = Field(description="Whether the buzzer sounds.")
    latched_by: UUID | None = Field(
        default=None, description="The classification that raised the alarm and waits for an acknowledgement."
    )
    last_classification: UUID | None = Field(default=None, description="The latest classification that was acted on.")
    changed_at: AwareDatetime = Field(description="When the outputs last changed.")
    rejected_messages: int = Field(
        default=0, ge=0, description="Messages dropped as unreadable since the alarm started."
    )


class AcknowledgeAlarm(Message):
    """Someone saw the finding: put out red and the buzzer."""

    command: Literal["acknowledge"] = "acknowledge"
    by: str = Field(min_length=1, max_length=128, description="Who acknowledges, as the alarm's log should name them.")
