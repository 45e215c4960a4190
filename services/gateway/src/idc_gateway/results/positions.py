"""Positions in the stream of results, with a proof that they belong to this database's history.

A number alone proves nothing: after a backup is restored, the following numbers are given to other results. The audit
chain tells the histories apart: it has a record of each result, is never truncated, and its digests differ after a
restore.
"""

import re
from dataclasses import dataclass
from typing import Final

from idc_gateway.audit.chain import EMPTY, ChainHead
from idc_gateway.results.classifications import Classification

_DIGEST_DIGITS: Final = 32
_LARGEST: Final = 2**62
_FORM: Final = re.compile(r"(\d{1,19})(?:-(\d{1,19})-([0-9a-f]{32}))?", re.ASCII)


@dataclass(frozen=True)
class Position:
    """The last result that a reader knows, and where the audit chain ended when it was sent."""

    sequence: int
    records: int
    digest: str
    """First digits of that record's digest; empty without a proof."""

    @classmethod
    def at(cls, sequence: int, head: ChainHead) -> "Position":
        return cls(sequence, head.sequence, head.sha256[:_DIGEST_DIGITS])

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read what `str` wrote, or a plain number; 0 is the start. Anything else proves nothing."""
        form = _FORM.fullmatch(text.strip())
        if form is None:
            return cls(-1, -1, "")
        sequence = min(int(form[1]), _LARGEST)
        if form[2] is None:
            return START if sequence == 0 else cls(sequence, -1, "")
        return cls(sequence, min(int(form[2]), _LARGEST), form[3])

    def __str__(self) -> str:
        return f"{self.sequence}-{self.records}-{self.digest}"

    def proves(self, record: ChainHead) -> bool:
        """Whether this record of the chain is the one at which the position was sent."""
        return record.sequence == self.records and record.sha256[:_DIGEST_DIGITS] == self.digest


START: Final = Position.at(0, EMPTY)
"""Before the first result of every database."""


@dataclass(frozen=True)
class Slice:
    """What was stored after a position."""

    is_complete: bool
    """False where the position is not in this database's history: results before these may be missing."""
    start: Position
    """Where these begin."""
    results: list[tuple[Position, Classification]]
    """Oldest first, each with the position after it."""

    @property
    def position(self) -> Position:
        return self.results[-1][0] if self.results else self.start
