"""What the alarm keeps over crashes and power cuts."""

from typing import Final, Literal
from uuid import UUID

from pydantic import AliasChoices, AwareDatetime, Field

from idc_alarm.machine.condition import Condition
from idc_contracts import AlarmActed, utc_now
from idc_contracts.base import Contract

REMEMBERED_IDS: Final = 512
"""Message ids that are recognised. The broker repeats at most 64 messages; the rest is for a gateway that crashed,
which repeats what it had not marked as sent."""
MAX_ACTIONS: Final = 1024
"""Actions that wait for a listener at the broker; beyond that, some are dropped."""


class AlarmRecord(Contract):
    """The content of the journal."""

    schema_version: Literal[1] = 1
    condition: Condition = Condition()
    changed_at: AwareDatetime = Field(default_factory=utc_now, description="When the outputs last changed.")
    recent_ids: tuple[UUID, ...] = Field(default=(), max_length=REMEMBERED_IDS, description="Oldest first.")
    unreported: tuple[AlarmActed, ...] = Field(
        default=(),
        validation_alias=AliasChoices("unreported", "untold"),  # the second is in journals of earlier versions
        max_length=MAX_ACTIONS,
        description="Actions not known to have reached a listener.",
    )
