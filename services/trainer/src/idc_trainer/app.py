"""The command line: which command does what."""

import argparse
import importlib
import shlex
from collections.abc import Sequence
from typing import Final

from idc_trainer.errors import printable

_COMMANDS: Final = {
    "data": "data_check",
    "train": "train",
    "evaluate": "evaluate",
    "crossval": "crossval",
    "predict": "predict",
    "verify": "verify",
    "features": "features",
}


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The command line of `idc-trainer`, as far as `arguments` ask for it.

    Args:
        arguments: Where the first is a command, only that command is imported, since some take seconds.
    """
    parser = argparse.ArgumentParser(prog="idc-trainer", description="Trains the IDC classifier. Research use only.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in [word for word in arguments[:1] if word in _COMMANDS] or _COMMANDS:
        importlib.import_module(f"idc_trainer.commands.{_COMMANDS[command]}").add_parser(subparsers)
    return parser


def run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Do what the command line asks.

    Raises:
        TrainerError: It cannot be done; the error's text says what to do.
        SystemExit: The command line is wrong, or asks for help.
    """
    options = parser.parse_args(arguments)
    options.command_line = printable(shlex.join(["idc-trainer", *arguments]))  # a path may hold bytes that are no text
    options.run(options)
