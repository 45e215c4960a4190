"""What a person reads: tables on standard output, progress and remarks on standard error."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from idc_client.classifying.confusion import Confusion

NOTICE: Final = "For research use only. Not a medical device."
_STYLES: Final = {"idc": "bold red", "uncertain": "yellow", "no_idc": "blue"}
_PIPED_WIDTH: Final = 200
"""Columns where nobody's terminal sets a limit."""


def screen() -> Console:
    """Standard output; in a pipe it has no colours and does not wrap."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def remarks() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False)


def progress() -> Progress:
    """A bar on standard error, where only that is a terminal: lines on a screen are progress enough."""
    console = remarks()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal or Console().is_terminal)


def printable(text: str) -> str:
    """Text from elsewhere as one line that does nothing to a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def styled(decision: str) -> str:
    """A decision in its lamp's colour."""
    style = _STYLES.get(decision)
    return f"[{style}]{decision}[/]" if style else escape(decision)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A plain table; cells may have rich's markup, so that what came from elsewhere is escaped by who made it."""
    made = Table(*headings, box=None, pad_edge=False, header_style="bold", show_header=any(headings))
    for row in rows:
        made.add_row(*row)
    return made


def confusion_table(confusion: Confusion) -> Table:
    """Truth down, decisions across."""
    counts = confusion.counts
    rows = [
        [truth, *(str(counts[truth, decision]) for decision in ("idc", "no_idc", "uncertain"))]
        for truth in ("idc", "no_idc")
    ]
    return table(["truth, by the files' names", "decided idc", "decided no_idc", "uncertain"], rows)


def confusion_lines(confusion: Confusion) -> list[str]:
    """Sensitivity and specificity over the decided, and how many were."""
    counts = confusion.counts
    return [
        _share_line("sensitivity", confusion.sensitivity, counts["idc", "idc"], counts["idc", "no_idc"], "IDC"),
        _share_line(
            "specificity", confusion.specificity, counts["no_idc", "no_idc"], counts["no_idc", "idc"], "healthy"
        ),
        f"uncertain    {confusion.uncertain} of {confusion.total} patches: for a pathologist, in neither figure",
    ]


def _share_line(name: str, value: float | None, right: int, wrong: int, kind: str) -> str:
    if value is None:
        return f"{name}  none: no {kind} patch was decided"
    return f"{name}  {value:.3f}: {right} of {right + wrong} decided {kind} patches"


def moment(text: str | None) -> str:
    """A time of the gateway in the reader's own zone; empty for none."""
    return "" if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
