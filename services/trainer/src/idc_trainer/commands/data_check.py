"""`idc-trainer data check`: says what is in a data set and what is wrong with it, before anyone trains on it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.data.check import DataReport, check_data, require_readable, require_trainable
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.reading import DataSet
from idc_trainer.data.report_lines import report_json, report_lines
from idc_trainer.errors import OutputUnwritable, printable

if TYPE_CHECKING:
    from idc_trainer.commands.options import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    """Add `data check PATH` to the command line; `options.run(options)` runs it."""
    data = subparsers.add_parser("data", help="look at a data set")
    command = data.add_subparsers(dest="data_command", required=True).add_parser(
        "check", help="report patients, classes, files that are left out, odd sizes, duplicates and confounding"
    )
    add = command.add_argument
    add_data(add, positional=True)
    add("--json", metavar="FILE", help="write the report as JSON too; - writes it to standard output instead")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check a data set and print the report.

    Raises:
        TrainerError: The data cannot be read or trained on; the report is printed first where there is one.
    """
    data = read_data(options)
    index = _index(data)
    report = check_data(index)
    _write(report, options.json)
    if not data.skip_unreadable:
        require_readable(report)
    require_trainable(index)


def _index(data: DataSet) -> PatchIndex:
    source = open_patches(data.path, data.patients_from)
    with progress_bars() as progress:
        return index_patches(source, progress, skip_unreadable=True)  # all that is unreadable is listed


def _write(report: DataReport, target: str | None) -> None:
    if target == "-":
        sys.stdout.write(report_json(report))
        return
    if target:
        try:
            Path(target).write_text(report_json(report), encoding="utf-8")
        except OSError as exc:
            raise OutputUnwritable(f"cannot write {target} ({exc.strerror}): name another file with --json") from exc
    print_report(report, Console())


def print_report(report: DataReport, console: Console) -> None:
    """Print the table of patients and the findings; no file name is taken as markup."""
    console.print(_patients(report))
    for line in report_lines(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _patients(report: DataReport) -> Table:
    table = Table(title="Patches of each patient", show_footer=True)
    table.add_column("patient", f"all {len(report.patients)}", overflow="fold")
    for title, total in (("no IDC", report.negatives), ("IDC", report.positives), ("both", report.patches)):
        table.add_column(title, str(total), justify="right")
    for one in report.patients:
        counts = (one.negatives, one.positives, one.negatives + one.positives)
        table.add_row(printable(one.patient).replace("[", r"\["), *map(str, counts))
    return table
