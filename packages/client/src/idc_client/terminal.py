"""Tables on standard output; progress and remarks on standard error."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

NOTICE: Final = "For research use only. Not a medical device."
_STYLES: Final = {"idc": "bold red", "uncertain": "yellow", "no_idc": "blue"}
REASONS: Final = {
    "between_thresholds": "between the thresholds",
    "little_tissue": "little tissue",
    "unfamiliar": "unlike the training patches",
    "out_of_focus": "out of focus",
}
"""Why a result is uncertain, in words."""
_PIPED_WIDTH: Final = 200
"""Columns of a table that goes to a file or a pipe."""


def screen() -> Console:
    """Standard output; in a pipe it has no colours and does not wrap."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def remark(text: str) -> None:
    """Print one line on standard error."""
    click.echo(f"idc: {printable(text)}", err=True)


def progress() -> Progress:
    """A bar on standard error; hidden where that is no terminal, or where the results scroll by on one."""
    hidden = not Console(stderr=True).is_terminal or Console().is_terminal
    return _bar(MofNCompleteColumn(), TimeRemainingColumn(), disable=hidden)


def byte_progress() -> Progress:
    """A bar of bytes on standard error, with the speed and the time left; hidden where that is no terminal."""
    return _bar(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


def share_progress() -> Progress:
    """A bar of work that another machine does; each task says in its field `left` what is left."""
    return _bar(TaskProgressColumn(), TextColumn("{task.fields[left]}"))


def _bar(*columns: ProgressColumn, disable: bool = False) -> Progress:
    console = Console(stderr=True)
    description = TextColumn("{task.description}", markup=False)
    is_hidden = disable or not console.is_terminal
    return Progress(description, BarColumn(), *columns, console=console, transient=True, disable=is_hidden)


def printable(text: str) -> str:
    """Text from elsewhere as one line without control characters."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def styled(decision: str) -> str:
    """A decision in the colour of its lamp, as rich's markup."""
    style = _STYLES.get(decision)
    return f"[{style}]{decision}[/]" if style else escape(decision)


def in_words(reasons: Iterable[str]) -> str:
    """Reasons in words, those of a newer gateway by their names; empty for none."""
    words = ", ".join(REASONS.get(reason, printable(reason)) for reason in reasons)
    return f"({words})" if words else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A plain table. Cells may hold rich's markup: the caller escapes text from elsewhere."""
    plain = Table(*headings, box=None, pad_edge=False, header_style="bold", show_header=any(headings))
    for row in rows:
        plain.add_row(*row)
    return plain


def local_time(timestamp: str | None) -> str:
    """An ISO 8601 timestamp in the reader's time zone; empty for None."""
    return "" if timestamp is None else datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
