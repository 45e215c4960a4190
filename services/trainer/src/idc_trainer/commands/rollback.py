"""`idc-trainer rollback`: lets an earlier version serve again."""

import argparse
import sys
from pathlib import Path

from idc_trainer.commands.account import account, add_account
from idc_trainer.errors import printable
from idc_trainer.export.placing import go_back


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", type=Path, metavar="MODEL", help="<models>/<name>")
    command.add_argument("--to", type=int, metavar="VERSION", help="default: the version before the one that serves")
    add_account(command)


def run(options: argparse.Namespace) -> None:
    before, instead = go_back(options.model, account(options), options.to)
    name, version = instead.manifest.name, instead.manifest.version
    message = f"{name} {version} serves from now on instead of {before.manifest.version}, whose bundle stays"
    sys.stdout.write(printable(f"{message}; to undo it: idc-trainer promote {before.path} --data DATA") + "\n")
