"""`idc-trainer promote`: compares a candidate with the serving model, and lets it serve unless it is worse."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from idc_contracts.decision import DecisionCounts
from idc_contracts.promotion import ComparedMeasure, ModelComparison, ModelDecisions, Verdict
from idc_trainer.commands.account import account, add_account
from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.errors import printable
from idc_trainer.export.placing import put_in_place
from idc_trainer.report.content import NOTICE
from idc_trainer.workflows.promotion import PromotionRequest, compare_with_serving, require_passed


def add_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "candidate",
        type=Path,
        metavar="CANDIDATE",
        help="<models>/.candidates/<name>/<version>, <models>/.candidates/<name> for the newest, or a version that was "
        "rolled back, <models>/<name>/<version>",
    )
    add_data(add)
    add("--compare-only", action="store_true", help="compare and record, but let nothing else serve")
    add("--hold", action="store_true", help="put it in its place, but let an administrator at the gateway decide")
    add("--untested", action="store_true", help="promote even if too few patients are new to both models")
    add_account(command)


def run(options: argparse.Namespace) -> None:
    request = PromotionRequest(options.candidate, read_data(options), account(options), options.command_line)
    with progress_bars() as progress:
        at, comparison = compare_with_serving(request, progress)
    _print(comparison)
    require_passed(comparison, untested=options.untested)
    if options.compare_only:
        message = f"{comparison.candidate.name} {at.version} may be promoted; nothing was changed"
    elif options.hold:
        put_in_place(at, comparison, held=True)
        message = f"{at.place} is in its place; an administrator lets it serve at the gateway"
    else:
        put_in_place(at, comparison)
        message = f"{at.place} serves from now on; to undo it: idc-trainer rollback {at.place.parent}"
    sys.stdout.write(printable(message) + "\n")


def _print(comparison: ModelComparison) -> None:
    candidate, serving = comparison.candidate, comparison.serving
    against = f"version {serving.version}, which serves" if serving else "nothing, since no version serves"
    table = Table(title=f"{candidate.name}, version {candidate.version}, against {against} - {NOTICE}")
    for title in ("", "candidate", "serving", "difference"):
        table.add_column(title, justify="right" if title else "left")
    table.add_row("mean AUC within patients", *_cells(comparison.auc))
    table.add_row("balanced accuracy, uncertain counts half", *_cells(comparison.balanced_accuracy))
    ours, theirs = comparison.candidate_decisions, comparison.serving_decisions
    table.add_row("positives: idc, uncertain, no_idc", _counts(ours, "positives"), _counts(theirs, "positives"))
    table.add_row("negatives: idc, uncertain, no_idc", _counts(ours, "negatives"), _counts(theirs, "negatives"))
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(
        f"{comparison.patients} patients with both classes, {comparison.patches} patches of patients that no model "
        "learned from; differences with 95 % intervals over patients",
        highlight=False,
    )
    if comparison.verdict is Verdict.UNTESTED:
        console.print("UNTESTED: these are too few patients to tell worse from chance", highlight=False)


def _cells(measure: ComparedMeasure | None) -> tuple[str, str, str]:
    if measure is None:
        return ("-", "-", "-")
    if measure.serving is None or measure.difference is None:
        return (f"{measure.candidate:.3f}", "-", "-")
    gap = measure.difference
    return (f"{measure.candidate:.3f}", f"{measure.serving:.3f}", f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]")


def _counts(found: ModelDecisions | None, side: str) -> str:
    if found is None:
        return "-"
    counts: DecisionCounts = getattr(found, side)
    return f"{counts.idc}, {counts.uncertain}, {counts.no_idc}"
