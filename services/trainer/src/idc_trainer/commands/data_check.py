"""`idc-trainer data check`: reports what a data set contains and what is wrong with it, before training."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.data.check import DataReport, check_data, require_readable, require_trainable
from idc_trainer.data.index import index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.report_lines import report_json, report_lines
from idc_trainer.errors import OutputUnwritable, printable


def add_options(command: argparse.ArgumentParser) -> None:
    add_data(command.add_argument, positional=True)
    command.add_argument("--json", metavar="FILE", help="also write the report as JSON; - writes only that, to stdout")


def run(options: argparse.Namespace) -> None:
    """Print the report, then refuse data that cannot be trained on."""
    data = read_data(options)
    with progress_bars() as progress:  # everything unreadable is listed
        index = index_patches(open_patches(data.path, data.patients_from), progress, skip_unreadable=True)
    report = check_data(index)
    _write(report, options.json)
    if not data.skip_unreadable:
        require_readable(report)
    require_trainable(index)


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
    """Print the table of patients and the findings; file names are never taken as markup."""
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
