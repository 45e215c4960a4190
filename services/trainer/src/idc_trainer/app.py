"""Reads the command line and wires the training to a progress bar."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from idc_trainer.commands import data_check
from idc_trainer.training import TrainingRequest, train


def _share(text: str) -> float:
    value = float(text)
    if not 0.5 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.5 to below 1.0")
    return value


def _version(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and not text.startswith("0")):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return text


def _patients(text: str) -> tuple[str, ...]:
    return tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))


def build_parser() -> argparse.ArgumentParser:
    """The command line of `idc-trainer`."""
    parser = argparse.ArgumentParser(prog="idc-trainer", description="Trains the IDC classifier. Research use only.")
    commands = parser.add_subparsers(dest="command", required=True)
    data_check.add_parser(commands)
    command = commands.add_parser("train", help="train on a folder of patches and write a model bundle")
    add = command.add_argument
    add("--data", type=Path, required=True, help="folder of <patient>/<class>/*.png, class 0 or 1")
    add("--out", type=Path, required=True, help="folder of models; the bundle becomes <out>/<name>/<version>")
    add("--name", default="idc", help="the model's name (default: %(default)s)")
    add("--version", type=_version, help="a whole number (default: the next one)")
    add("--seed", type=int, default=0, help="decides split and augmentation (default: %(default)s)")
    add("--test-patients", type=_patients, default=(), metavar="A,B", help="patients kept for the test")
    add("--validation-patients", type=_patients, default=(), metavar="A,B", help="patients for calibration, thresholds")
    add("--split", type=Path, metavar="FILE", help="JSON with the lists train, validation, test, for all of them")
    add("--target-sensitivity", type=_share, default=0.95, help="over decided patches (default: %(default)s)")
    add("--target-specificity", type=_share, default=0.95, help="over decided patches (default: %(default)s)")
    add("--weights", type=Path, metavar="FILE", help="EfficientNet-Lite0 weights (default: the installed package's)")
    add("--report-list", type=Path, metavar="FILE", help="file names of test patches to report on by themselves")
    return parser


def run(arguments: Sequence[str]) -> None:
    """Do what the command line asks.

    Raises:
        TrainerError: It cannot be done; the error's text says what to do.
        SystemExit: The command line is wrong, or asks for help.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command == "data":
        options.run(options)
        return
    if options.split and (options.test_patients or options.validation_patients):
        parser.error("--split names all patients: leave out --test-patients and --validation-patients")
    request = TrainingRequest(
        data=options.data,
        out=options.out,
        command=shlex.join(["idc-trainer", *arguments]),
        name=options.name,
        version=options.version,
        seed=options.seed,
        test_patients=options.test_patients,
        validation_patients=options.validation_patients,
        split_file=options.split,
        target_sensitivity=options.target_sensitivity,
        target_specificity=options.target_specificity,
        weights=options.weights,
        report_list=options.report_list,
    )
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        folder = train(request, _Bars(bars))
    Console().print(f"wrote {folder}", highlight=False, soft_wrap=True)


class _Bars:
    """One progress bar for each step."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done)
