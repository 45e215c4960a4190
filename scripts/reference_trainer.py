"""The page of the trainer's commands and options."""

import argparse
import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from idc_trainer.app import build_parser
from reference_tables import NOTICE, table


def trainer_page() -> str:
    """The trainer's commands and their options."""
    os.environ.pop("XDG_CACHE_HOME", None)  # the default of --cache follows it
    page = (
        f"# Trainer commands\n\n{NOTICE}\n\nHow to use them: [Train on your own patches](../how-to/retrain.md).\n"
        "Exit codes: [idc-trainer](exit-codes.md#idc-trainer).\n"
    )
    for name, parser, purpose in _commands(build_parser([]), "idc-trainer"):
        page += f"\n## {name}\n\n{purpose[:1].upper()}{purpose[1:]}{'' if purpose.endswith('.') else '.'}\n"
        rows = [_option(action) for action in parser._actions if not isinstance(action, argparse._HelpAction)]
        page += f"\n{table('option | default | meaning', rows)}" if rows else ""
    return page


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            purposes = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for word, child in action.choices.items():
                if any(isinstance(inner, argparse._SubParsersAction) for inner in child._actions):
                    yield from _commands(child, f"{name} {word}")
                else:
                    yield f"{name} {word}", child, purposes.get(word) or child.description or word


def _option(action: argparse.Action) -> tuple[str, str, str]:
    metavar = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    name = " ".join([action.option_strings[-1], str(metavar)]) if action.option_strings else str(metavar)
    default, meaning = _default_of(action), action.help or ""
    meaning = re.sub(r"\s*\((default: )?%\(default\)s\)|^default: %\(default\)s$", "", meaning)
    is_name = "." in meaning.split(" ", 1)[0]  # of a file
    sentence = f"{meaning if is_name else meaning[:1].upper() + meaning[1:]}." if meaning else ""
    choices = f"One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
    default_cell = default if default in ("none", "off", "required") else f"`{default}`"
    return f"`{name.strip()}`", default_cell, _without_home(f"{sentence} {choices}".strip())


def _default_of(action: argparse.Action) -> str:
    value = action.default.value if isinstance(action.default, StrEnum) else action.default
    if action.nargs == 0:
        return "off"
    if isinstance(value, str | int | float | Path):
        return _without_home(str(value))
    if value and isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return "required" if action.required else "none"


def _without_home(text: str) -> str:
    """Text that does not depend on who writes it."""
    return text.replace(str(Path.home()), "~")
