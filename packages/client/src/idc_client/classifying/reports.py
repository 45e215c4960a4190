"""Outcomes as they come, on standard output: for a person, or as JSON or CSV for a program."""

import csv
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.classifying.forms import truth_of
from idc_client.classifying.image_files import LeftOut
from idc_client.classifying.sender import Outcome
from idc_client.classifying.summary import Tally

COLUMNS: Final = ("file", "truth", "probability", "decision", "id", "model_version", "error", "stored_before")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class Report(Protocol):
    """Takes outcomes one by one, and the counts at the end."""

    def add(self, outcome: Outcome) -> None:
        """Print one outcome."""

    def end(self, tally: Tally, left_out: Sequence[LeftOut]) -> None:
        """Print what remains to be said; the run may have been cut off."""


class Lines:
    """For a person: a line for each file, and at the end the matrix where the names tell the truth."""

    def __init__(self) -> None:
        self._console = terminal.screen()
        self._console.print("P(IDC)  decision   file", style="bold")

    def add(self, outcome: Outcome) -> None:
        """Print one outcome."""
        name, result = escape(terminal.printable(shown(outcome.path))), outcome.result
        if result is None:
            reason = escape(terminal.printable(outcome.error))
            line = f"        [bold]none[/]       {name}  {'failed' if outcome.is_passing else 'refused'}: {reason}"
        else:
            gap = " " * (9 - len(result["decision"]))
            line = f"{result['probability']:.3f}   {terminal.styled(result['decision'])}{gap}  {name}"
        self._console.print(line, soft_wrap=True)

    def end(self, tally: Tally, left_out: Sequence[LeftOut]) -> None:
        """The matrix, what it lacks, and the counts."""
        confusion = tally.confusion
        if confusion is not None:
            self._console.print()
            self._console.print(terminal.confusion_table(confusion))
            for line in terminal.confusion_lines(confusion):
                self._console.print(line)
            if missing := tally.without_result:
                kinds = ", ".join(f"{count} {truth}" for truth, count in sorted(missing.items()))
                self._console.print(
                    f"no result    {missing.total()} patches ({kinds} by their names): in neither figure"
                )
        self._console.print(f"\n{tally}; {len(left_out)} left out")
        self._console.print(terminal.NOTICE)


class Csv:
    """For a spreadsheet: a line for each file."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Print one outcome."""
        result = outcome.result
        cells = [shown(outcome.path), truth_of(outcome.path) or ""]
        if result is None:
            cells += ["", "", "", "", outcome.error, ""]
        else:
            cells += [f"{result['probability']:.6f}", result["decision"], result["id"], result["model"]["version"], ""]
            cells += ["yes" if outcome.is_repeated else "no"]
        self._writer.writerow([_unspoiled(cell) for cell in cells])

    def end(self, tally: Tally, left_out: Sequence[LeftOut]) -> None:
        """A table has no place for it; it goes to standard error."""
        terminal.remarks().print(f"idc: {tally}; {len(left_out)} left out", soft_wrap=True)


class Json:
    """For a program: one document, which grows as outcomes come."""

    def __init__(self) -> None:
        click.echo(f'{{\n  "notice": {json.dumps(terminal.NOTICE)},\n  "items": [', nl=False)
        self._separator = "\n    "

    def add(self, outcome: Outcome) -> None:
        """Print one outcome."""
        item = {"file": shown(outcome.path), "truth": truth_of(outcome.path), **outcome.item}
        click.echo(self._separator + json.dumps(item), nl=False)
        self._separator = ",\n    "

    def end(self, tally: Tally, left_out: Sequence[LeftOut]) -> None:
        """The counts, and the document's end."""
        rest = {"left_out": [{"file": shown(one.path), "reason": one.reason} for one in left_out]}
        members = json.dumps({**tally.as_document(), **rest}, indent=2)
        click.echo(f"\n  ],{members.removeprefix('{')}")


def shown(path: Path) -> str:
    """A path as text; a byte that is no Unicode is written with a backslash, as Python writes it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _unspoiled(cell: str) -> str:
    # A spreadsheet would run text that begins so as a formula (OWASP, "CSV Injection").
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
