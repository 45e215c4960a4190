"""Prints outcomes as they arrive: as lines for a person, as JSON or CSV for a program."""

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
from idc_client.classifying.summary import Summary

COLUMNS: Final = (
    *("file", "truth", "probability", "decision", "id", "model_version", "error", "stored_before"),
    *("reasons", "field", "um_per_px"),
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class Report(Protocol):
    """A way to print a run."""

    def add(self, outcome: Outcome) -> None: ...

    def end(self, summary: Summary, left_out: Sequence[LeftOut]) -> None:
        """Print the counts; the run may have been cut off."""


class Lines:
    """A line for each file, and at the end the confusion matrix where all names have a class."""

    def __init__(self) -> None:
        self._console = terminal.screen()
        self._console.print("P(IDC)  decision   file", style="bold")

    def add(self, outcome: Outcome) -> None:
        name, result = escape(terminal.printable(path_text(outcome.path))), outcome.result
        if result is None:
            reason = escape(terminal.printable(outcome.error))
            line = f"        [bold]none[/]       {name}  {'failed' if outcome.is_transient else 'rejected'}: {reason}"
        else:
            gap = " " * (9 - len(result["decision"]))
            why = escape(terminal.in_words(result.get("reasons", ())))
            line = f"{result['probability']:.3f}   {terminal.styled(result['decision'])}{gap}  {name}  {why}".rstrip()
        self._console.print(line, soft_wrap=True)

    def end(self, summary: Summary, left_out: Sequence[LeftOut]) -> None:
        if confusion := summary.confusion:
            self._console.print("", confusion.as_table(), *confusion.as_lines(), sep="\n")
            if missing := summary.without_result:
                classes = ", ".join(f"{count} {truth}" for truth, count in sorted(missing.items()))
                self._console.print(f"no result    {missing.total()} patches ({classes} by name): not in the metrics")
        self._console.print(f"\n{summary}; {len(left_out)} left out\n{terminal.NOTICE}")


class Csv:
    """A line for each file, for a spreadsheet; the counts go to standard error."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def add(self, outcome: Outcome) -> None:
        result = outcome.result
        cells = [path_text(outcome.path), truth_of(outcome.path) or ""]
        if result is None:
            cells += ["", "", "", "", outcome.error, "", "", "", ""]
        else:
            cells += [f"{result['probability']:.6f}", result["decision"], result["id"], result["model"]["version"], ""]
            cells += ["yes" if outcome.is_repeated else "no", " ".join(result.get("reasons", ()))]
            cells += ["" if result.get(name) is None else str(result[name]) for name in ("field", "um_per_px")]
        self._writer.writerow([_without_formula(cell) for cell in cells])

    def end(self, summary: Summary, left_out: Sequence[LeftOut]) -> None:
        terminal.remark(f"{summary}; {len(left_out)} left out")


class Json:
    """One document, which grows with each outcome."""

    def __init__(self) -> None:
        click.echo(f'{{\n  "notice": {json.dumps(terminal.NOTICE)},\n  "items": [', nl=False)
        self._separator = "\n    "

    def add(self, outcome: Outcome) -> None:
        item = {"file": path_text(outcome.path), "truth": truth_of(outcome.path), **outcome.item}
        click.echo(self._separator + json.dumps(item), nl=False)
        self._separator = ",\n    "

    def end(self, summary: Summary, left_out: Sequence[LeftOut]) -> None:
        rest = {"left_out": [{"file": path_text(one.path), "reason": one.reason} for one in left_out]}
        members = json.dumps({**summary.as_document(), **rest}, indent=2)
        click.echo(f"\n  ],{members.removeprefix('{')}")


def path_text(path: Path) -> str:
    """A path as text; a byte that is not UTF-8 becomes an escape such as `xe9` after a backslash."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _without_formula(cell: str) -> str:
    # A spreadsheet would run text that begins so as a formula (OWASP, "CSV Injection").
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
