"""Places in the stream of results, which can be proven to be places of this database's history.

A number alone cannot: where a backup is restored, the numbers after it are given again to other results. The audit
chain tells the histories apart: it has a record of each result, is never cut, and where it goes another way its digests
differ.
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
    """The last result that a reader knows, and where the audit chain ended when the reader was told."""

    sequence: int
    records: int
    digest: str
    """First digits of the digest of that record of the chain; empty where there is no proof."""

    @classmethod
    def at(cls, sequence: int, head: ChainHead) -> "Position":
        """A position that is true now."""
        return cls(sequence, head.sequence, head.sha256[:_DIGEST_DIGITS])

    @classmethod
    def parse(cls, given: str) -> "Position":
        """Read what `str` wrote, or a number alone; 0 is the very start. All else is a position without proof."""
        form = _FORM.fullmatch(given.strip())
        if form is None:
            return cls(-1, -1, "")
        sequence = min(int(form[1]), _LARGEST)
        if form[2] is None:
            return START if sequence == 0 else cls(sequence, -1, "")
        return cls(sequence, min(int(form[2]), _LARGEST), form[3])

    def __str__(self) -> str:
        """As readers get it: they need not know what it holds."""
        return f"{self.sequence}-{self.records}-{self.digest}"

    def proves(self, record: ChainHead) -> bool:
        """Whether this record of the chain is the one at which the position was told."""
        return record.sequence == self.records and record.sha256[:_DIGEST_DIGITS] == self.digest


START: Final = Position.at(0, EMPTY)
"""Before the first result of every database."""


@dataclass(frozen=True)
class Look:
    """What was stored after a position."""

    is_complete: bool
    """False where the position is not in this database's history: results may be missing before these."""
    start: Position
    """Where these begin."""
    results: list[tuple[Position, Classification]]
    """Oldest first, each with the position after it."""

    @property
    def position(self) -> Position:
        """Where to look next."""
        return self.results[-1][0] if self.results else self.start
