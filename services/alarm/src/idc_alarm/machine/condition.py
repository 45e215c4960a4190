"""What an alarm knows: the part that must outlive a power cut, and the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter, computed_field, model_validator

from idc_alarm.machine.events import Moment
from idc_alarm.machine.findings import Finding, Findings
from idc_alarm.machine.supervision import Supervision
from idc_contracts import MAX_FINDINGS, Decision, TechnicalReason
from idc_contracts.base import Contract

_bool: Final = TypeAdapter(bool)


class Condition(Contract):
    """What the alarm must not forget. What is computed is written too, for an older version that reads the journal."""

    findings: Findings = Field(default=(), max_length=MAX_FINDINGS, description="Those that wait, oldest first.")
    acknowledged: bool = Field(default=False, description="A finding was acknowledged and no patch came after it.")
    latest: Decision | None = Field(default=None, description="The latest word of any gateway.")
    last_classification: UUID | None = Field(default=None, description="The latest classification acted on.")

    @model_validator(mode="before")
    @classmethod
    def _of_older_version(cls, given: Any) -> Any:
        """Older journals know of the first finding alone."""
        if not isinstance(given, dict) or "findings" in given or "latched" not in given:
            return given
        if not _bool.validate_python(given["latched"]):
            return given
        first, since = given.get("latched_by"), given.get("latched_since")
        finding = {
            "is_lost": first is None,
            "made_at": since,
            "found_at": since,
            "is_quiet": given.get("is_quiet", False),
        }
        return {**given, "findings": [finding if first is None else {**finding, "classification_id": first}]}

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated property
    @property
    def latched(self) -> bool:
        """Whether a finding waits for an acknowledgement."""
        return bool(self.findings)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def latched_by(self) -> UUID | None:
        """The first finding that waits; None where it is unknown."""
        return self.findings[0].classification_id if self.findings and not self.findings[0].is_lost else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def latched_since(self) -> AwareDatetime | None:
        """When that finding came."""
        return self.findings[0].found_at if self.findings else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_quiet(self) -> bool:
        """Whether every finding that waits came too late to sound."""
        return self.latched and all(finding.is_quiet for finding in self.findings)

    @property
    def latest_finding(self) -> UUID | None:
        """The newest finding that waits."""
        return self.findings[-1].classification_id if self.findings else None


SUSPECT: Final = Condition(findings=(Finding(is_lost=True),))
"""Where memory was lost: a finding may be among what was lost, so somebody must look."""


@dataclass(frozen=True)
class Silence:
    """Somebody asked for quiet. It covers the findings that waited then, as the next one ends it, and these reasons."""

    until_s: float
    reasons: frozenset[TechnicalReason] = frozenset()


@dataclass(frozen=True)
class Situation:
    """All that the alarm knows. Times are on the monotonic clock, in seconds; None: not so."""

    condition: Condition = field(default_factory=Condition)
    supervision: Supervision = field(default_factory=Supervision)
    technical: tuple[TechnicalReason, ...] = (TechnicalReason.BROKER_LOST,)
    technical_since_s: float | None = None
    reasons_since_s: Mapping[TechnicalReason, float] = field(default_factory=dict)
    """Since when each reason lasts; one that is not named lasts since the start."""
    found_s: Mapping[UUID, float] = field(default_factory=dict)
    """When each finding that waits came; one that is not named waits since before the start."""
    clear_until_s: float | None = None
    silence: Silence | None = None
    test_since_s: float | None = None

    @property
    def sounding_reasons(self) -> frozenset[TechnicalReason]:
        """The technical reasons that no silence covers."""
        return frozenset(self.technical) - (self.silence.reasons if self.silence else frozenset())

    @property
    def is_silenced(self) -> bool:
        """Whether a silence covers all that is wrong."""
        return self.silence is not None and not self.sounding_reasons

    @property
    def is_finding_sounding(self) -> bool:
        """Whether an unacknowledged finding sounds the buzzer."""
        return self.condition.latched and not self.condition.is_quiet and self.silence is None

    def silenced_until(self, moment: Moment) -> datetime | None:
        """When a silence ends, by the clock that people read."""
        if self.silence is None:
            return None
        return moment.at + timedelta(seconds=self.silence.until_s - moment.monotonic_s)


def restored(condition: Condition, saved_at: datetime, moment: Moment) -> Situation:
    """The situation to start with after `condition` was read from the journal.

    Blue is not lit again: newer results may wait at the broker, and until they were read nothing says all is well.
    A silence ends too: whoever asked for it did not expect a restart. A clock that reads an earlier time than the
    journal went back while the alarm was off.
    """
    went_back_s = min(0.0, (moment.at - saved_at).total_seconds())
    findings = tuple(_dated(finding, moment) for finding in condition.findings)
    return Situation(
        condition=condition.model_copy(update={"findings": findings}),
        supervision=Supervision(last=moment, own_clock_error_s=went_back_s),
        technical_since_s=moment.monotonic_s,
        found_s={finding.classification_id: _came_s(finding, moment) for finding in findings},
    )


def _dated(finding: Finding, moment: Moment) -> Finding:
    """Memory that was just found lost is new: an acknowledgement from before does not mean it."""
    if not finding.is_lost or finding.found_at is not None:
        return finding
    return finding.model_copy(update={"made_at": moment.at, "found_at": moment.at})


def _came_s(finding: Finding, moment: Moment) -> float:
    if finding.found_at is None:
        return moment.monotonic_s
    return moment.monotonic_s - max(0.0, (moment.at - finding.found_at).total_seconds())
