"""The command line: parses the arguments and runs the command."""

import argparse
import importlib
import shlex
from collections.abc import Sequence
from typing import Final

from idc_trainer.errors import printable

_COMMANDS: Final = {
    "data check": ("data_check", "report patients, classes, files left out, odd sizes, duplicates and confounding"),
    "train": ("train", "train on patches and write a model bundle, a candidate that is not served yet"),
    "promote": ("promote", "compare a candidate with the serving model, and let it serve unless it is worse"),
    "rollback": ("rollback", "let an earlier version serve again"),
    "evaluate": ("evaluate", "measure a bundle on patients that it was not trained on"),
    "crossval": ("crossval", "measure a recipe on patients that it was not trained on"),
    "predict": ("predict", "classify images"),
    "verify": ("verify", "check a bundle's files, schema and self-test"),
    "features extract": ("features", "compute the features of all patches, or of one shard of them"),
}
_GROUPS: Final = {"data": "inspect a data set", "features": "fill the cache of features, on one or many machines"}


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The command line of `idc-trainer`, as far as `arguments` need it.

    Args:
        arguments: Where the first is a command, only that one is imported, since some take seconds to import.
    """
    parser = argparse.ArgumentParser(prog="idc-trainer", description="Trains the IDC classifier. Research use only.")
    commands = parser.add_subparsers(dest="command", required=True)
    known = {words.split()[0] for words in _COMMANDS}
    wanted = known.intersection(arguments[:1]) or known
    for words, (name, help_text) in _COMMANDS.items():
        first, _, second = words.partition(" ")
        if first not in wanted:
            continue
        place = commands
        if second:
            group = commands.add_parser(first, help=_GROUPS[first])
            place = group.add_subparsers(dest=f"{first}_command", required=True)
        command = place.add_parser(second or first, help=help_text)
        module = importlib.import_module(f"idc_trainer.commands.{name}")
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser


def run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Run the command that the arguments name.

    Raises:
        TrainerError: It failed; the error's text says what to do.
        SystemExit: The arguments are wrong, or ask for help.
    """
    options = parser.parse_args(arguments)
    options.command_line = printable(shlex.join(["idc-trainer", *arguments]))  # a path may hold bytes that are not text
    options.run(options)
