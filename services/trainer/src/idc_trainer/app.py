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


def load(arguments: Sequence[str]) -> None:
    """Import what the command line asks for, so that `run` waits for nothing and no library's notes come between."""
    for command in _asked_for(arguments):
        importlib.import_module(f"idc_trainer.commands.{_COMMANDS[command]}")


def _asked_for(arguments: Sequence[str]) -> list[str]:
    return [argument for argument in arguments[:1] if argument in _COMMANDS]


def run(arguments: Sequence[str]) -> None:
    """Do what the command line asks.

    Raises:
        TrainerError: It cannot be done; the error's text says what to do.
        SystemExit: The command line is wrong, or asks for help.
    """
    options = build_parser(*_asked_for(arguments)).parse_args(arguments)
    options.command_line = shlex.join(["idc-trainer", *arguments])
    options.run(options)
