"""What an alarm knows: the part that must survive a power cut, and the rest."""

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
    """What survives a power cut. Computed fields are written too: an older version reads them from the journal."""

    findings: Findings = Field(
        default=(), max_length=MAX_FINDINGS, description="Unacknowledged findings, oldest first."
    )
    acknowledged: bool = Field(default=False, description="A finding was acknowledged and no result has come since.")
    latest: Decision | None = Field(default=None, description="The latest decision of any gateway.")
    last_classification: UUID | None = Field(default=None, description="The latest classification or slide acted on.")

    @model_validator(mode="before")
    @classmethod
    def _of_older_version(cls, given: Any) -> Any:
        """Older journals hold the first finding only."""
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
        """When the first finding that waits arrived."""
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
"""For a lost journal: it may have held a finding, so somebody must look."""


@dataclass(frozen=True)
class Silence:
    """A silence covers all findings that wait, as a new one ends it, and these technical reasons."""

    until_s: float
    reasons: frozenset[TechnicalReason] = frozenset()


@dataclass(frozen=True)
class Situation:
    """All that the alarm knows. Times are on the monotonic clock, in seconds; None: does not apply."""

    condition: Condition = field(default_factory=Condition)
    supervision: Supervision = field(default_factory=Supervision)
    technical: tuple[TechnicalReason, ...] = (TechnicalReason.BROKER_LOST,)
    technical_since_s: float | None = None
    reasons_since_s: Mapping[TechnicalReason, float] = field(default_factory=dict)
    """When each reason began; one that is missing began before the start."""
    found_s: Mapping[UUID, float] = field(default_factory=dict)
    """When each finding that waits arrived; one that is missing arrived before the start."""
    clear_until_s: float | None = None
    silence: Silence | None = None
    test_since_s: float | None = None

    @property
    def sounding_reasons(self) -> frozenset[TechnicalReason]:
        """The technical reasons that no silence covers."""
        return frozenset(self.technical) - (self.silence.reasons if self.silence else frozenset())

    @property
    def is_silenced(self) -> bool:
        """Whether a silence covers every finding and technical reason."""
        return self.silence is not None and not self.sounding_reasons

    @property
    def is_finding_sounding(self) -> bool:
        """Whether an unacknowledged finding sounds the buzzer."""
        return self.condition.latched and not self.condition.is_quiet and self.silence is None

    def silenced_until(self, moment: Moment) -> datetime | None:
        """When a silence ends, by the wall clock."""
        if self.silence is None:
            return None
        return moment.at + timedelta(seconds=self.silence.until_s - moment.monotonic_s)


def restored(condition: Condition, saved_at: datetime, moment: Moment) -> Situation:
    """The situation at the start, after `condition` was read from the journal.

    Blue stays off: newer results may wait at the broker. A silence ends, since nobody expected a restart when it
    was given. A clock that is behind the journal's time went back while the alarm was off.
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
    """A journal that was just found lost is new: an earlier acknowledgement does not clear it."""
    if not finding.is_lost or finding.found_at is not None:
        return finding
    return finding.model_copy(update={"made_at": moment.at, "found_at": moment.at})


def _came_s(finding: Finding, moment: Moment) -> float:
    if finding.found_at is None:
        return moment.monotonic_s
    return moment.monotonic_s - max(0.0, (moment.at - finding.found_at).total_seconds())
