"""`idc-trainer evaluate`: the figures of a finished bundle, with a report."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.commands.options import count, names
from idc_trainer.commands.reporting import Subject, report
from idc_trainer.graphs.opening import GRAPHS
from idc_trainer.workflows.evaluating import Evaluated, EvaluationRequest, score_bundle

if TYPE_CHECKING:
    from idc_trainer.commands.options import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    """Add `evaluate BUNDLE` to the command line; `options.run(options)` runs it."""
    command = subparsers.add_parser("evaluate", help="measure a bundle on patients that it did not learn from")
    add = command.add_argument
    add("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")
    add_data(add)
    add("--report", type=Path, required=True, metavar="DIR", help="where index.html and figures.json are written")
    add("--patients", type=names, default=(), metavar="A,B", help="default: all that the bundle did not learn from")
    add("--precision", choices=tuple(GRAPHS), default="fp16", help="which of its graphs (default: %(default)s)")
    add("--seed", type=count, default=0, help="decides what the bootstrap draws (default: %(default)s)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Score, print the figures and write the report.

    Raises:
        TrainerError: It cannot be done.
    """
    request = EvaluationRequest(options.bundle, read_data(options), options.precision, options.patients)
    with progress_bars() as progress:
        found = score_bundle(request, progress)
    manifest = found.manifest
    subject = Subject(
        title=f"Model {manifest.name}, version {manifest.version}, {options.precision.upper()} graph",
        command=options.command_line,
        notes=_notes(found),
    )
    report(subject, found.index, found.scored, options.report, options.seed)


def _notes(found: Evaluated) -> tuple[str, ...]:
    split = found.manifest.split
    notes = ["None of the patients below is named among those that the model was trained on."]
    chosen_on = ", ".join(sorted({*split.validation} & set(found.index.patients.tolist())))
    if chosen_on:
        notes.append(f"Calibration and thresholds were chosen on {chosen_on}: the model looks better there than it is.")
    return tuple(notes)
