"""The findings that wait for an acknowledgement, and which of them an acknowledgement clears."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from pydantic import AwareDatetime, Field

from idc_contracts import MAX_FINDINGS
from idc_contracts.base import Contract


class Finding(Contract):
    """One finding that waits; beyond the bound, it represents earlier ones too."""

    classification_id: UUID = Field(
        default_factory=uuid4, description="Of the classification or slide; a lost journal has its own id."
    )
    is_lost: bool = Field(default=False, description="Represents a lost journal, which may have held a finding.")
    made_at: AwareDatetime | None = Field(default=None, description="`sent_at` of its message; None: unknown.")
    found_at: AwareDatetime | None = Field(default=None, description="When it arrived, by the alarm's clock.")
    is_quiet: bool = Field(default=False, description="It was too old to sound when it arrived.")
    count: int = Field(default=1, ge=1, description="How many findings it represents.")


Findings = tuple[Finding, ...]
"""In the order of arrival."""


def with_finding(waiting: Findings, finding: Finding) -> Findings:
    """Add a finding, unless it waits already.

    Beyond `MAX_FINDINGS` the two oldest become one, under the later one's id: an acknowledgement of the earlier id
    then clears nothing, and one of any later id clears both.
    """
    if any(finding.classification_id == known.classification_id for known in waiting):
        return waiting
    joined = (*waiting, finding)
    return joined if len(joined) <= MAX_FINDINGS else (_merged(joined[0], joined[1]), *joined[2:])


def split_up_to(waiting: Findings, classification_id: UUID) -> tuple[Findings, Findings]:
    """The findings up to the named one, and the rest; a name that does not wait clears nothing."""
    place = next((i for i, known in enumerate(waiting) if known.classification_id == classification_id), None)
    return ((), waiting) if place is None else (waiting[: place + 1], waiting[place + 1 :])


def split_made_before(waiting: Findings, at: AwareDatetime) -> tuple[Findings, Findings]:
    """The findings that an acknowledgement without a name clears, and the rest."""
    seen = [known.made_at is None or known.made_at <= at for known in waiting]
    return _chosen(waiting, seen), _chosen(waiting, [not was_seen for was_seen in seen])


def _chosen(waiting: Findings, choice: Sequence[bool]) -> Findings:
    return tuple(known for known, is_chosen in zip(waiting, choice, strict=True) if is_chosen)


def _merged(older: Finding, newer: Finding) -> Finding:
    times = [made_at for made_at in (older.made_at, newer.made_at) if made_at is not None]
    return newer.model_copy(
        update={
            "is_lost": older.is_lost or newer.is_lost,
            "made_at": max(times, default=None),
            "found_at": older.found_at,
            "is_quiet": older.is_quiet and newer.is_quiet,
            "count": older.count + newer.count,
        }
    )
