"""Folders in the database. Their counts are those of their results, counted when they are read."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, case, func, insert, select, update

from idc_contracts import Decision
from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import Forbidden
from idc_gateway.folders.folders import Folder, FolderCounts, FolderFacts, FolderPage, FolderState, LeftOutFile
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import classifications, folders


class FoldersStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, identity: UUID, facts: FolderFacts, event: AuditEvent) -> tuple[Folder, bool]:
        """Keep what its sender says of a folder; whether it is new.

        Args:
            identity: The sender's choice, so that a repeated request changes nothing.
            facts: They replace the earlier ones.
            event: Who says it, and when. It is recorded where the folder is new or its state is another one.

        Raises:
            Forbidden: Somebody else made the folder.
        """
        with self._database.write() as connection:
            head = lock_head(connection)
            before = connection.execute(select(folders).where(folders.c.id == identity)).first()
            if before is not None and before.received_by != event.actor:
                raise Forbidden(f"folder {identity} was made by {before.received_by!r}: make one of your own")
            if before is None:
                made = {"id": identity, "received_at": event.at, "received_by": event.actor}
                connection.execute(insert(folders).values(**made, **_columns(facts, event.at)))
            else:
                connection.execute(update(folders).where(folders.c.id == identity).values(**_columns(facts, event.at)))
            if before is None or before.state != facts.state:
                append(connection, head, [event])
            row = connection.execute(select(folders).where(folders.c.id == identity)).one()
            return _counted(connection, [row])[0], before is None

    def exists(self, identity: UUID) -> bool:
        """Whether there is a folder of this id."""
        with self._database.read() as connection:
            return connection.execute(select(folders.c.id).where(folders.c.id == identity)).first() is not None

    def get(self, identities: Sequence[UUID]) -> list[Folder]:
        """Those of these folders that there are."""
        with self._database.read() as connection:
            rows = connection.execute(select(folders).where(folders.c.id.in_(identities))).all()
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
            said = connection.execute(select(folders.c.id).where(folders.c.changed_at >= moment)).scalars()
            found = set(said)
            if newest > sequence:
                added = select(table.c.folder).where(table.c.sequence > sequence, table.c.folder.is_not(None))
                found |= set(connection.execute(added.distinct()).scalars())
        return found, newest


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
