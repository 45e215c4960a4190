"""The audit chain: each record holds the digest of the one before.

No record can be changed, removed or inserted without all later digests failing: the linking of Haber & Stornetta, "How
to time-stamp a digital document", 1991.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

GENESIS: Final = "0" * 64
"""The digest before the first record."""
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True)
class AuditEvent:
    """Something that must be provable later."""

    action: str
    """A noun and a past tense: `patch.classified`, `review.recorded`, `key.created`, `alarm.acknowledged`."""
    actor: str
    """Who did it: a key's or user's name, or `gateway` itself."""
    subject: str
    """An id or a name."""
    at: datetime
    request_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    """JSON values; never a secret, never pixels."""


@dataclass(frozen=True)
class AuditRecord:
    sequence: int
    """From 1, without gaps."""
    event: AuditEvent
    previous_sha256: str
    sha256: str


@dataclass(frozen=True)
class ChainHead:
    sequence: int
    sha256: str


EMPTY: Final = ChainHead(0, GENESIS)


@dataclass(frozen=True)
class Verification:
    """The result of checking the whole chain."""

    records: int
    head: ChainHead
    first_wrong: int | None = None
    """The sequence number of the first wrong or missing record."""
    reason: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether no record was changed, removed or inserted."""
        return self.reason is None


def record_after(head: ChainHead, event: AuditEvent) -> AuditRecord:
    sequence = head.sequence + 1
    return AuditRecord(sequence, event, head.sha256, record_digest(sequence, event, head.sha256))


def record_digest(sequence: int, event: AuditEvent, previous_sha256: str) -> str:
    """SHA-256, hexadecimal, of the record's canonical JSON (keys in order, no spaces, UTC times in microseconds)."""
    content = {
        "sequence": sequence,
        "previous": previous_sha256,
        "action": event.action,
        "actor": event.actor,
        "subject": event.subject,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "request_id": event.request_id,
        "details": event.details,
    }
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()


def verify(records: Iterable[AuditRecord], head: ChainHead) -> Verification:
    """Check the chain from its first record and compare its end with the stored head.

    Args:
        records: All records, by sequence.
        head: The head as it is stored apart from the chain; it reveals a truncated chain.
    """
    last = EMPTY
    for record in records:
        expected = last.sequence + 1
        if record.sequence != expected:
            return Verification(last.sequence, head, expected, f"record {expected} is missing")
        if record.previous_sha256 != last.sha256:
            return Verification(last.sequence, head, expected, f"record {expected} does not continue the one before")
        if record_digest(record.sequence, record.event, record.previous_sha256) != record.sha256:
            return Verification(last.sequence, head, expected, f"record {expected} was changed")
        last = ChainHead(record.sequence, record.sha256)
    if last != head:
        reason = (
            f"the chain ends at record {last.sequence}, its head says {head.sequence}: records were removed or added"
        )
        return Verification(last.sequence, head, min(last.sequence, head.sequence) + 1, reason)
    return Verification(last.sequence, head)
