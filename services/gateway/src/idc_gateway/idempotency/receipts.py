"""Idempotent requests: what was answered to a caller's `Idempotency-Key`, so that sending again does nothing again.

The header is that of the IETF draft draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

KEEP_RECEIPTS: Final = timedelta(hours=24)
"""How long a request can be sent again under its key."""


@dataclass(frozen=True)
class Claim:
    """One part of a request that must be done once."""

    caller: str
    key: str
    part: int
    """A long upload is stored in parts; 0 for everything else."""
    fingerprint: str


@dataclass(frozen=True)
class Receipt:
    """The answer to a claim."""

    claim: Claim
    answer: bytes
    """JSON, as it was answered."""
    created_at: datetime


def fingerprint_of(pieces: Iterable[bytes]) -> str:
    """SHA-256, hexadecimal, of a request's content; the boundaries between pieces count."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "big"))
        digest.update(piece)
    return digest.hexdigest()
