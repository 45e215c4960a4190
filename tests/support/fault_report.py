"""The table of docs/explanation/reliability.md: a row for each fault, written from what a run counted."""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- measured by `make faults`: begin -->"
END: Final = "<!-- measured by `make faults`: end -->"
HEAD: Final = (
    "| fault | accepted | stored | published | received by the alarm | lost | seen meanwhile | run |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class FaultRow:
    """What one fault did to the results that were accepted while it lasted."""

    fault: str
    accepted: int
    stored: int
    published: int
    received: int
    lost: int
    """Accepted results that are missing at one of the three places at least."""
    seen_meanwhile: str

    def as_line(self, day: dt.date) -> str:
        counts = (self.accepted, self.stored, self.published, self.received, self.lost)
        cells = (self.fault, *(f"{count:,}" for count in counts), self.seen_meanwhile, day.isoformat())
        return f"| {' | '.join(cells)} |\n"


def with_row(document: str, row: FaultRow, day: dt.date) -> str:
    """The document with this row in place of the one of the same fault, or after all others."""
    found = re.search(f"{re.escape(BEGIN)}\n(.*){re.escape(END)}", document, re.DOTALL)
    if found is None:
        raise ValueError(f"no {BEGIN!r} … {END!r} in the document")
    lines = found[1].removeprefix(HEAD).splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(f"| {row.fault} |")]
    place = len(kept) if len(kept) == len(lines) else _place_of(lines, row.fault)
    table = "".join([*kept[:place], row.as_line(day), *kept[place:]])
    return document[: found.start(1)] + HEAD + table + document[found.end(1) :]


def _place_of(lines: list[str], fault: str) -> int:
    return next(number for number, line in enumerate(lines) if line.startswith(f"| {fault} |"))


def write_row(path: Path, row: FaultRow) -> None:
    today = dt.datetime.now(tz=dt.UTC).date()
    path.write_text(with_row(path.read_text(), row, today))
