"""What the lamps and the buzzer show: a pure, total function of what was said so far. docs/alarm.md has the table."""

from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from pydantic import Field

from idc_contracts import AcknowledgeAlarm, Decision, Lamps, PatchClassified
from idc_contracts.base import Contract

Event: TypeAlias = PatchClassified | AcknowledgeAlarm
"""Everything that can change the condition."""


class Condition(Contract):
    """What the alarm knows and must not forget."""

    latched: bool = Field(default=False, description="A finding waits for an acknowledgement.")
    latched_by: UUID | None = Field(default=None, description="First unacknowledged finding; None where it is unknown.")
    latest: Decision | None = Field(default=None, description="The latest word that the lamps may show.")
    last_classification: UUID | None = Field(default=None, description="The latest classification acted on.")


@dataclass(frozen=True)
class Outputs:
    """The lamps and the buzzer."""

    lamps: Lamps
    buzzer: bool


SUSPECT: Final = Condition(latched=True)
"""Where memory was lost: a finding may be among what was lost, so somebody must look."""


def outputs(condition: Condition) -> Outputs:
    """What the condition shows. Red and blue are never lit together."""
    lamps = Lamps(
        red=condition.latched,
        amber=condition.latest is Decision.UNCERTAIN,
        blue=condition.latest is Decision.NO_IDC and not condition.latched,
    )
    return Outputs(lamps, buzzer=condition.latched)


def restored(condition: Condition) -> Condition:
    """The condition to start with after `condition` was read from the journal.

    Blue is not lit again: newer results may wait at the broker, and until they were read nothing says all is well.
    """
    return condition.model_copy(update={"latest": _unless_blue(condition.latest)})


def after(condition: Condition, event: Event) -> Condition:
    """The condition that follows an event."""
    if isinstance(event, AcknowledgeAlarm):
        return _acknowledged(condition)
    return _classified(condition, event)


def _classified(condition: Condition, event: PatchClassified) -> Condition:
    is_finding = event.decision is Decision.IDC
    return Condition(
        latched=condition.latched or is_finding,
        latched_by=condition.latched_by or (event.classification_id if is_finding else None),
        latest=event.decision,
        last_classification=event.classification_id,
    )


def _acknowledged(condition: Condition) -> Condition:
    if not condition.latched:
        return condition
    # Blue stayed dark while red was lit; lighting it now would be an all-clear that follows from a button, not a patch.
    return Condition(latest=_unless_blue(condition.latest), last_classification=condition.last_classification)


def _unless_blue(latest: Decision | None) -> Decision | None:
    return latest if latest is Decision.UNCERTAIN else None
