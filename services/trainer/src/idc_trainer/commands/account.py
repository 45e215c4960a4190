"""Who decides, for the records of the gate."""

import argparse
import getpass
import os


def add_account(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", metavar="NAME", help="who decides, for the record (default: your account)")


def account(options: argparse.Namespace) -> str:
    """The option `--by`, or the account that runs the command."""
    try:
        return str(options.by or getpass.getuser())[:128]
    except (KeyError, OSError):  # an account without a name, as in a container
        return f"user {os.getuid()}"
