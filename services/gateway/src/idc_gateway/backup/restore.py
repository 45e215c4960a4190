"""Puts a backup in place of the database. No gateway may be running on it."""

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing, suppress
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from idc_contracts import utc_now
from idc_gateway.access.sessions_store import SessionsStore
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.backup.backup import CONTENTS, DATABASE, IMAGES, Contents, file_digest, remove_left
from idc_gateway.errors import BadBackup
from idc_gateway.results.folder_images import sync
from idc_gateway.results.images import ImageStore, is_whole
from idc_gateway.sql.database import open_database

RESTORED: Final = "database.restored"
RESTORE_FOLDER: Final = ".restore-"
KEPT: Final = ".before-restore"
"""Suffix of the database that was replaced; a number follows where that name is in use."""
_BESIDE: Final = ("-wal", "-shm", "-journal")


def restore_backup(source: IO[bytes], database: Path, images: ImageStore | None) -> tuple[Contents, Path | None]:
    """Put a backup's images into the image store, then its database in place of the current one, which is kept.

    Sessions and one-time links of the backup end: their users may have been removed since. Blocks.

    Args:
        source: The archive; it need not be seekable.
        database: The SQLite file; its folder exists.
        images: Where the images go; None skips them.

    Returns:
        What was in the backup, and where the replaced database is kept; None where there was none.

    Raises:
        BadBackup: It is damaged, truncated, or not a backup.
        DatabaseTooNew: A newer version of the program wrote it.
        StoreUnavailable, ImagesUnavailable, OSError: After all of these the database is unchanged.
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
        raise BadBackup(f"the backup cannot be read, it may be damaged or truncated: {exc}") from exc
    if contents is None or contents.images != count or not restored.is_file():
        raise BadBackup("the backup is incomplete: it was truncated, or `idc-gateway backup` did not write it")
    if file_digest(restored) != contents.database_sha256:
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
            row = connection.execute(f"PRAGMA {pragma}").fetchone()
            if row is not None and row[0] != "ok":
                raise BadBackup(f"the database in the backup is damaged ({pragma}: {row[0]}): use another backup")


def _prepare(restored: Path, contents: Contents) -> None:
    """Bring the tables up to date, end all sessions, and record the restore in the audit chain."""
    opened = open_database(f"sqlite:///{restored}")
    try:
        SessionsStore(opened).end_all()
        details = {"images": contents.images}
        AuditStore(opened).record([AuditEvent(RESTORED, "gateway", "database", utc_now(), details=details)])
    finally:
        opened.close()
    _into_one_file(restored)


def _into_one_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def _swap(restored: Path, database: Path) -> Path | None:
    """Exchange the files; the old database's log, which would undo the restore, is merged into that one first."""
    sync(restored)
    kept = None
    if database.exists():
        with suppress(sqlite3.Error):  # it is damaged: perhaps the reason for the restore
            _into_one_file(database)
        kept = _free_name(database)
        database.replace(kept)
    for end in _BESIDE:
        beside = database.with_name(database.name + end)
        # A log that could not be merged stays with its database: it may hold the latest results.
        if beside.exists() and kept is not None:
            beside.replace(kept.with_name(kept.name + end))
        beside.unlink(missing_ok=True)
    sync(database.parent)
    restored.replace(database)
    sync(database.parent)
    return kept


def _free_name(database: Path) -> Path:
    """A new name for the old database: one that an earlier restore kept may be the only good one."""
    names = chain([KEPT], (f"{KEPT}-{number}" for number in count(2)))
    return next(kept for name in names if not (kept := database.with_name(database.name + name)).exists())
