"""The gateway's commands other than serving: `idc-gateway backup FILE`, `idc-gateway restore FILE`."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO

from idc_gateway.backup.backup import DATABASE, write_backup
from idc_gateway.backup.data_lock import data_lock
from idc_gateway.backup.restore import restore_backup
from idc_gateway.composition import open_image_store
from idc_gateway.errors import CannotStart
from idc_gateway.settings import GatewaySettings

Command = Callable[[GatewaySettings], None]


def parse(arguments: list[str], serve: Command) -> tuple[Command, dict[str, str]]:
    """The command, or `serve`, and settings that it overrides; exits with 2 where the command line is wrong."""
    parser = argparse.ArgumentParser("idc-gateway", description="Serve, or back up or restore the database and images.")
    commands = parser.add_subparsers(dest="command", title="commands (without one: serve)")
    for name, text in {
        "backup": "write a backup; the gateway may be running",
        "restore": "restore a backup; stop the gateway first",
    }.items():
        commands.add_parser(name, help=text).add_argument("file", help="a file, or - for standard output or input")
    options = parser.parse_args(arguments)
    if options.command is None:
        return serve, {}
    command = {"backup": _backup, "restore": _restore}[options.command]
    # Standard output may be the backup: only errors are logged there.
    return lambda settings: command(settings, options.file), {"log_level": "ERROR"}


def _backup(settings: GatewaySettings, file: str) -> None:
    database = _database(settings)
    with _reported(), _written(file) as target:
        contents = write_backup(database, open_image_store(settings), target)
    _say(f"backed up the database and {contents.images} images")
    if contents.missing_images:
        _say(f"{contents.missing_images} images that the database lists are not in the image store")


def _restore(settings: GatewaySettings, file: str) -> None:
    database = _database(settings)
    with data_lock(settings.data_dir), _reported(), _read(file) as source:
        images = open_image_store(settings)
        contents, kept = restore_backup(source, database, images)
    if images is None and contents.images:
        _say(f"skipped {contents.images} images: GATEWAY_STORE_IMAGES is off")
    _say(f"restored the database and {contents.images if images else 0} images")
    if kept is not None:
        _say(f"the replaced database is {kept}; delete it when you no longer need it")
    _say("all users must sign in again; revoke again the keys that were revoked after the backup")


def _database(settings: GatewaySettings) -> Path:
    if settings.database_url is not None:
        raise CannotStart("the results are in PostgreSQL: back it up and restore it with pg_dump and pg_restore")
    return settings.data_dir / DATABASE


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        raise CannotStart(str(exc)) from exc


@contextmanager
def _written(file: str) -> Iterator[IO[bytes]]:
    """A file that appears whole or not at all."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read(file: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")


def _say(line: str) -> None:
    sys.stderr.write(f"idc-gateway: {line}\n")
