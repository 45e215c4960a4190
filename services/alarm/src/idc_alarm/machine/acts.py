"""What the state machine did."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from idc_alarm.machine.condition import Situation
from idc_contracts import AlarmAction


@dataclass(frozen=True)
class Act:
    """One action of the alarm. `is_cause`: the event itself caused it, not time or a technical reason."""

    action: AlarmAction
    classification_id: UUID | None = None
    by: str | None = None
    is_cause: bool = False
    note: str | None = None
    cleared: tuple[UUID, ...] = ()
    """The acknowledged findings, oldest first."""


Outcome: TypeAlias = tuple[Situation, tuple[Act, ...]]
