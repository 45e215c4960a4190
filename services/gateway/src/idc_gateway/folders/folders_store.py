"""Folders in the database. Their counts are those of their results, counted when they are read."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from idc_contracts import Decision
from idc_gateway.audit.audit_store import append, head_of, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import FolderDeleted, Forbidden
from idc_gateway.folders.folders import Folder, FolderCounts, FolderFacts, FolderPage, FolderState, LeftOutFile
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import audit, classifications, folders

DELETED: Final = "folder.deleted"
"""What the audit chain calls it."""


class FoldersStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, folder_id: UUID, facts: FolderFacts, event: AuditEvent) -> tuple[Folder, bool]:
        """Keep what its sender says of a folder; whether it is new.

        Args:
            folder_id: The sender's choice, so that a repeated request changes nothing.
            facts: They replace the earlier ones.
            event: Who says it, and when. It is recorded where the folder is new or its state is another one.

        Raises:
            Forbidden: Somebody else made the folder.
            FolderDeleted: It was deleted.
        """
        with self._database.write() as connection:
            head = lock_head(connection)
            before = connection.execute(select(folders).where(folders.c.id == folder_id)).first()
            if before is not None and before.received_by != event.actor:
                raise Forbidden(f"folder {folder_id} was made by {before.received_by!r}: make one of your own")
            if before is None:
                _refuse_deleted(connection, folder_id)
                sender = {"id": folder_id, "received_at": event.at, "received_by": event.actor}
                connection.execute(insert(folders).values(**sender, **_columns(facts, event.at)))
            else:
                connection.execute(update(folders).where(folders.c.id == folder_id).values(**_columns(facts, event.at)))
            if before is None or before.state != facts.state:
                append(connection, head, [event])
            row = connection.execute(select(folders).where(folders.c.id == folder_id)).one()
            return _counted(connection, [row])[0], before is None

    def delete(self, folder_id: UUID, event: AuditEvent) -> bool:
        """Delete a folder alone, without its results; False where there is none.

        Args:
            folder_id: Nobody can make a folder of this id again.
            event: Who deletes it, and when: `folder.deleted`. The numbers of its results are added.
        """
        with self._database.write() as connection:
            head = lock_head(connection)
            rows = connection.execute(select(folders).where(folders.c.id == folder_id)).all()
            if not rows:
                return False
            (folder,) = _counted(connection, rows)
            connection.execute(delete(folders).where(folders.c.id == folder_id))
            append(connection, head, [replace(event, details=dict(vars(folder.counts)))])
        return True

    def deleted_since(self, record: int | None) -> tuple[list[UUID], int]:
        """The folders that were deleted behind a record of the audit chain, and its last one; None only tells that."""
        wanted = (audit.c.action == DELETED, audit.c.sequence > (record or 0))
        with self._database.read_snapshot() as connection:
            last = head_of(connection).sequence
            if record is None or record >= last:
                return [], last
            return [UUID(text) for text in connection.execute(select(audit.c.subject).where(*wanted)).scalars()], last

    def exists(self, folder_id: UUID) -> bool:
        """Whether there is a folder of this id."""
        with self._database.read() as connection:
            return connection.execute(select(folders.c.id).where(folders.c.id == folder_id)).first() is not None

    def get(self, folder_ids: Sequence[UUID]) -> list[Folder]:
        """Those of these folders that there are."""
        with self._database.read() as connection:
            rows = connection.execute(select(folders).where(folders.c.id.in_(folder_ids))).all()
            return _counted(connection, rows)

    def page(self, state: FolderState | None, search: str, before: int | None, limit: int) -> FolderPage:
        """Folders in a state, or in any, whose names hold a text, newest first."""
        wanted: list[Any] = [] if state is None else [folders.c.state == state.value]
        if search:
            wanted.append(folders.c.name_to_search.contains(search.lower(), autoescape=True))
        query = select(folders).where(*wanted).order_by(folders.c.number.desc()).limit(limit + 1)
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(folders).where(*wanted)).scalar_one()
            rows = connection.execute(query if before is None else query.where(folders.c.number < before)).all()
            items = _counted(connection, rows[:limit])
        return FolderPage(items, rows[limit - 1].number if len(rows) > limit else None, total)

    def changed_since(self, sequence: int, moment: datetime) -> tuple[set[UUID], int]:
        """The folders that got results behind a number, or word of their senders since a moment; the newest number."""
        table = classifications
        with self._database.read() as connection:
            newest = connection.execute(select(func.coalesce(func.max(table.c.sequence), 0))).scalar_one()
            by_sender = select(folders.c.id).where(folders.c.changed_at >= moment)
            changed = set(connection.execute(by_sender).scalars())
            if newest > sequence:
                added = select(table.c.folder).where(table.c.sequence > sequence, table.c.folder.is_not(None))
                changed |= set(connection.execute(added.distinct()).scalars())
        return changed, newest


def _refuse_deleted(connection: Connection, folder_id: UUID) -> None:
    was_deleted = select(audit.c.sequence).where(audit.c.subject == str(folder_id), audit.c.action == DELETED).limit(1)
    if connection.execute(was_deleted).first() is not None:
        raise FolderDeleted(f"folder {folder_id} was deleted: make one with another id, and send its patches again")


def _columns(facts: FolderFacts, now: datetime) -> dict[str, Any]:
    return {
        "name": facts.name,
        "name_to_search": facts.name.lower(),
        "state": facts.state.value,
        "files": facts.files,
        "left_out": facts.left_out,
        "left_out_files": json.dumps([[file.name, file.reason] for file in facts.left_out_files]),
        "changed_at": now,
    }


def _counted(connection: Connection, rows: Sequence[Row[Any]]) -> list[Folder]:
    table = classifications
    numbers = [func.sum(case((table.c.decision == decision.value, 1), else_=0)) for decision in Decision]
    query = (
        select(table.c.folder, *numbers, func.count(table.c.verdict), func.max(table.c.created_at))
        .where(table.c.folder.in_([row.id for row in rows]))
        .group_by(table.c.folder)
    )
    counted: dict[UUID, Any] = {row[0]: row for row in connection.execute(query)} if rows else {}
    return [_folder(row, counted.get(row.id)) for row in rows]


def _folder(row: Row[Any], counted: Any) -> Folder:
    left_out = tuple(LeftOutFile(name, reason) for name, reason in json.loads(row.left_out_files))
    facts = FolderFacts(row.name, row.files, FolderState(row.state), row.left_out, left_out)
    known = {"id": row.id, "facts": facts, "received_at": row.received_at, "received_by": row.received_by}
    if counted is None:
        return Folder(**known, changed_at=row.changed_at)
    _, *numbers, reviewed, latest_at = counted
    counts = dict(zip((decision.value for decision in Decision), numbers, strict=True))
    return Folder(
        **known, changed_at=row.changed_at, latest_at=latest_at, counts=FolderCounts(**counts, reviewed=reviewed)
    )
