"""Puts a backup in place of the database. No gateway may be running on it."""

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from sqlalchemy import delete

from idc_contracts import utc_now
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.backup.backup import CONTENTS, DATABASE, IMAGES, Contents, remove_left
from idc_gateway.errors import BadBackup
from idc_gateway.results.images import ImageStore, is_whole
from idc_gateway.sql.database import open_database
from idc_gateway.sql.tables import links, sessions

RESTORED: Final = "database.restored"
RESTORE_FOLDER: Final = ".restore-"
KEPT: Final = ".before-restore"
"""What the database that was there is called afterwards; a number follows where that name is in use."""
_BESIDE: Final = ("-wal", "-shm", "-journal")


def restore_backup(source: IO[bytes], database: Path, images: ImageStore | None) -> tuple[Contents, Path | None]:
    """Put a backup's images into the image store, then its database in place of the present one, which is kept.

    Sessions and one-time links of the backup end: who was signed in then may be gone since. Blocks.

    Args:
        source: The archive; it needs no position.
        database: The SQLite file; its folder is there.
        images: Where the images go; None leaves them out.

    Returns:
        What was in the backup, and where the database that was there is kept; None where none was there.

    Raises:
        BadBackup: It is damaged, cut off, or not a backup; the database is as it was.
        DatabaseTooNew: A newer version of the program made it; the database is as it was.
        StoreUnavailable, ImagesUnavailable, OSError: The database is as it was.
    """
    remove_left(database.parent, RESTORE_FOLDER)
    with TemporaryDirectory(dir=database.parent, prefix=RESTORE_FOLDER) as folder:
        restored = Path(folder) / DATABASE
        contents = _unpack(source, restored, images)
        _check(restored)
        _prepare(restored, contents)
        kept = _swap(restored, database)
    return contents, kept


def _unpack(source: IO[bytes], restored: Path, images: ImageStore | None) -> Contents:
    contents, count = None, 0
    try:
        with tarfile.open(fileobj=source, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is None:
                    continue
                if member.name == DATABASE:
                    with restored.open("wb") as copy:
                        shutil.copyfileobj(file, copy)
                elif member.name == CONTENTS:
                    contents = Contents(**json.load(file))
                elif member.name.startswith(IMAGES):
                    count += 1
                    _put_image(member.name.removeprefix(IMAGES), file.read(), images)
    except (tarfile.TarError, ValueError, TypeError, EOFError) as exc:
        raise BadBackup(f"the backup cannot be read, it may be damaged or cut off: {exc}") from exc
    if contents is None or contents.images != count or not restored.is_file():
        raise BadBackup("the backup is not complete: it was cut off, or is not one that `idc-gateway backup` wrote")
    with restored.open("rb") as copy:
        if hashlib.file_digest(copy, "sha256").hexdigest() != contents.database_sha256:
            raise BadBackup("the database in the backup is damaged: use another backup")
    return contents


def _put_image(name: str, data: bytes, images: ImageStore | None) -> None:
    if "/" in name or not is_whole(name, data):
        raise BadBackup(f"the image {name[:80]!r} in the backup is damaged: use another backup")
    if images is not None:
        images.put(name, data)


def _check(restored: Path) -> None:
    with closing(sqlite3.connect(restored)) as connection:
        for pragma in ("integrity_check", "foreign_key_check"):
            found = connection.execute(f"PRAGMA {pragma}(1)" if pragma == "integrity_check" else f"PRAGMA {pragma}")
            row = found.fetchone()
            if row is not None and row[0] != "ok":
                raise BadBackup(f"the database in the backup is damaged ({pragma}: {row[0]}): use another backup")


def _prepare(restored: Path, contents: Contents) -> None:
    """Bring the tables up to date, end who is signed in, and write into the audit chain that it was restored."""
    store = open_database(f"sqlite:///{restored}")
    try:
        with store.write() as connection:
            connection.execute(delete(sessions))
            connection.execute(delete(links))
        details = {"images": contents.images}
        AuditStore(store).record([AuditEvent(RESTORED, "gateway", "database", utc_now(), details=details)])
    finally:
        store.close()
    _into_one_file(restored)


def _into_one_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def _swap(restored: Path, database: Path) -> Path | None:
    """Exchange the files; the log of the old database, which would undo the restore, goes into that one first."""
    _sync(restored)
    kept = None
    if database.exists():
        _quietly(lambda: _into_one_file(database))
        kept = _free_name(database)
        database.replace(kept)
    for end in _BESIDE:
        beside = database.with_name(database.name + end)
        # What could not go in stays beside the database that it belongs to: it may have its latest results.
        if beside.exists() and kept is not None:
            beside.replace(kept.with_name(kept.name + end))
        beside.unlink(missing_ok=True)
    _sync(database.parent)
    restored.replace(database)
    _sync(database.parent)
    return kept


def _free_name(database: Path) -> Path:
    """Where the database is kept: after the restore of a wrong backup, what an earlier one kept is all that is left."""
    kept, number = database.with_name(database.name + KEPT), 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"{database.name}{KEPT}-{number}")
    return kept


def _quietly(do: Callable[[], None]) -> None:
    try:
        do()
    except sqlite3.Error:
        return  # it is damaged: perhaps the reason for the restore


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
