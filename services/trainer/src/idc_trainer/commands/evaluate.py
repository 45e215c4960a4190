"""`idc-trainer evaluate`: measures a finished bundle and writes a report."""

import argparse
from pathlib import Path

from idc_contracts.bundle import Precision
from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.commands.options import count, names
from idc_trainer.commands.reporting import report
from idc_trainer.workflows.evaluating import Evaluated, EvaluationRequest, score_bundle


def add_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")
    add_data(add)
    add("--report", type=Path, required=True, metavar="DIR", help="where index.html and figures.json are written")
    add("--patients", type=names, default=(), metavar="A,B", help="default: all that had no part in the bundle")
    add("--only-list", type=Path, metavar="FILE", help="measure only the patches that a text file names, one per line")
    add("--precision", choices=[*Precision], default=Precision.FP16, help="which of its graphs (default: %(default)s)")
    add("--seed", type=count, default=0, help="seed of the bootstrap (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    data = read_data(options)
    request = EvaluationRequest(options.bundle, data, Precision(options.precision), options.patients, options.only_list)
    with progress_bars() as progress:
        evaluated = score_bundle(request, progress)
    manifest = evaluated.manifest
    title = f"Model {manifest.name}, version {manifest.version}, {options.precision.upper()} graph"
    slide_scores = dict.fromkeys(evaluated.scored.patients.tolist(), evaluated.manifest.slide_scores)
    report(options, title, _notes(evaluated, options.only_list), evaluated.index, evaluated.scored, slide_scores)


def _notes(evaluated: Evaluated, only_list: Path | None) -> list[str]:
    """Who is measured, and which of them chose anything."""
    measured = set(evaluated.index.patients.tolist())
    chosen_on = sorted(measured & {*evaluated.manifest.split.validation})
    notes = [f"{len(measured)} patients, none of them named among those that the model was trained on."]
    if chosen_on:
        named = ", ".join(chosen_on)
        notes.append(f"Calibration and thresholds were chosen on {named}: the metrics there flatter the model.")
    else:
        notes.append("Nothing was chosen on them: neither calibration nor thresholds.")
    if only_list:
        notes.append(f"Only the patches that {only_list.name} names are counted.")
    return notes
