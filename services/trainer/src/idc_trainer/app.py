"""The command line: which command does what."""

import argparse
import importlib
import shlex
from collections.abc import Sequence
from typing import Final

_COMMANDS: Final = {
    "data": "data_check",
    "train": "train",
    "evaluate": "evaluate",
    "crossval": "crossval",
    "predict": "predict",
    "verify": "verify",
    "features": "features",
}


def build_parser(*asked_for: str) -> argparse.ArgumentParser:
    """The command line of `idc-trainer`.

    Args:
        asked_for: The commands that it needs to know; none means all. Others are not imported, since some take seconds.
    """
    parser = argparse.ArgumentParser(prog="idc-trainer", description="Trains the IDC classifier. Research use only.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in asked_for or _COMMANDS:
        importlib.import_module(f"idc_trainer.commands.{_COMMANDS[command]}").add_parser(subparsers)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Do what the command line asks.

    Raises:
        TrainerError: It cannot be done; the error's text says what to do.
        SystemExit: The command line is wrong, or asks for help.
    """
    known = [argument for argument in arguments[:1] if argument in _COMMANDS]
    options = build_parser(*known).parse_args(arguments)
    options.command_line = shlex.join(["idc-trainer", *arguments])
    options.run(options)
