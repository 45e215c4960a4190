"""`idc-trainer crossval`: trains the whole recipe again for each held-out patient or fold, and writes a report."""

import argparse
from pathlib import Path
from typing import Literal

from idc_trainer.commands import options as common
from idc_trainer.commands.bars import progress_bars
from idc_trainer.commands.reporting import report
from idc_trainer.workflows.cross_validation import CrossValidationRequest, cross_validate


def add_options(command: argparse.ArgumentParser) -> None:
    common.add_source(command)
    common.add_learning(command)
    add = command.add_argument_group("cross-validation").add_argument
    add("--folds", type=_folds, default="patients", metavar="K", help="patients (leave one out) or a number of folds")
    add("--never-train", type=common.names, default=(), metavar="A,B", help="patients that are only ever held out")
    add("--report", type=Path, required=True, metavar="DIR", help="where index.html and figures.json are written")


def _folds(text: str) -> int | Literal["patients"]:
    return "patients" if text == "patients" else common.count(text)


def run(options: argparse.Namespace) -> None:
    source = common.read_source(options)
    target = common.read_target(options, allow_missed=True)  # a fold that misses it is told, and measured
    request = CrossValidationRequest(source, target, options.folds, options.never_train)
    with progress_bars() as progress:
        validated = cross_validate(request, progress)
    how = "leave one patient out" if options.folds == "patients" else f"{len(validated.folds)} folds by patient"
    note = (
        "Each patient is scored by a compiled model that was not trained on it; calibration and thresholds of each "
        "model were chosen on its own training patients."
    )
    title = f"Cross-validation of {source.recipe.backbone}, {how}"
    report(options, title, [note], validated.index, validated.scored, validated.slide_scores)
