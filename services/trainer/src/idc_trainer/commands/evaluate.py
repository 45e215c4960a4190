"""`idc-trainer evaluate`: measures a finished bundle and writes a report."""

import argparse
from pathlib import Path

from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.commands.options import count, names
from idc_trainer.commands.reporting import report
from idc_trainer.graphs.opening import GRAPHS
from idc_trainer.workflows.evaluating import Evaluated, EvaluationRequest, score_bundle


def add_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")
    add_data(add)
    add("--report", type=Path, required=True, metavar="DIR", help="where index.html and figures.json are written")
    add("--patients", type=names, default=(), metavar="A,B", help="default: all that the bundle was not trained on")
    add("--precision", choices=tuple(GRAPHS), default="fp16", help="which of its graphs (default: %(default)s)")
    add("--seed", type=count, default=0, help="seed of the bootstrap (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    request = EvaluationRequest(options.bundle, read_data(options), options.precision, options.patients)
    with progress_bars() as progress:
        found = score_bundle(request, progress)
    manifest = found.manifest
    title = f"Model {manifest.name}, version {manifest.version}, {options.precision.upper()} graph"
    report(options, title, _notes(found), found.index, found.scored)


def _notes(found: Evaluated) -> list[str]:
    notes = ["None of the patients below is named among those that the model was trained on."]
    if chosen_on := {*found.manifest.split.validation} & set(found.index.patients.tolist()):
        named = ", ".join(sorted(chosen_on))
        notes.append(f"Calibration and thresholds were chosen on {named}: the metrics there flatter the model.")
    return notes
