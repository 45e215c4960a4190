"""What the state machine says that it did."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from idc_alarm.machine.condition import Situation
from idc_contracts import AlarmAction


@dataclass(frozen=True)
class Act:
    """One thing that the alarm did. `is_cause`: because of the event itself, not of time or trouble."""

    action: AlarmAction
    classification_id: UUID | None = None
    by: str | None = None
    is_cause: bool = False
    note: str | None = None
    cleared: tuple[UUID, ...] = ()
    """The findings that were acknowledged, oldest first."""


Outcome: TypeAlias = tuple[Situation, tuple[Act, ...]]
