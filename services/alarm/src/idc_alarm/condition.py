"""What an alarm knows: the part that must outlive a power cut, and the rest."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, Field

from idc_alarm.events import Moment
from idc_alarm.supervision import Supervision
from idc_contracts import Decision, TechnicalReason
from idc_contracts.base import Contract


class Condition(Contract):
    """What the alarm must not forget."""

    latched: bool = Field(default=False, description="A finding waits for an acknowledgement.")
    latched_by: UUID | None = Field(default=None, description="First unacknowledged finding; None where it is unknown.")
    latched_since: AwareDatetime | None = Field(default=None, description="When that finding came.")
    is_quiet: bool = Field(default=False, description="Every finding that waits came too late to sound.")
    acknowledged: bool = Field(default=False, description="A finding was acknowledged and no patch came after it.")
    latest: Decision | None = Field(default=None, description="The latest word of any gateway.")
    last_classification: UUID | None = Field(default=None, description="The latest classification acted on.")


SUSPECT: Final = Condition(latched=True)
"""Where memory was lost: a finding may be among what was lost, so somebody must look."""


@dataclass(frozen=True)
class Situation:
    """All that the alarm knows. Times are on the monotonic clock, in seconds; None: not so."""

    condition: Condition = field(default_factory=Condition)
    supervision: Supervision = field(default_factory=Supervision)
    technical: tuple[TechnicalReason, ...] = (TechnicalReason.BROKER_LOST,)
    technical_since_s: float | None = None
    clear_until_s: float | None = None
    silent_until_s: float | None = None
    test_since_s: float | None = None

    @property
    def is_silenced(self) -> bool:
        """Whether somebody asked for quiet."""
        return self.silent_until_s is not None

    @property
    def is_finding_sounding(self) -> bool:
        """Whether an unacknowledged finding sounds the buzzer."""
        return self.condition.latched and not self.condition.is_quiet and not self.is_silenced

    def silenced_until(self, moment: Moment) -> datetime | None:
        """When the buzzer may sound again, by the clock that people read."""
        if self.silent_until_s is None:
            return None
        return moment.at + timedelta(seconds=self.silent_until_s - moment.monotonic_s)


def restored(condition: Condition, saved_at: datetime, moment: Moment) -> Situation:
    """The situation to start with after `condition` was read from the journal.

    Blue is not lit again: newer results may wait at the broker, and until they were read nothing says all is well.
    A silence ends too: whoever asked for it did not expect a restart. A clock that reads an earlier time than the
    journal went back while the alarm was off.
    """
    went_back_s = min(0.0, (moment.at - saved_at).total_seconds())
    return Situation(
        condition=condition,
        supervision=Supervision(last=moment, own_clock_error_s=went_back_s),
        technical_since_s=moment.monotonic_s,
    )
