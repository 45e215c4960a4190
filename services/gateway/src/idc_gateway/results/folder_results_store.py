"""Results of folders that are deleted, with their reviews and images."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, select

from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.results.image_index_store import unlist_unused
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import classifications as table
from idc_gateway.sql.tables import folders

BATCH: Final = 100
"""Results in one transaction, for which other writers wait."""


class FolderResultsStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def delete(self, folder: UUID, by: str, request_id: str | None, at: datetime) -> int:
        """Delete at most `BATCH` results of a folder, and unlist the images that no other result has; returns how many.

        Args:
            folder: What they were sent in.
            by: Who deletes it, for the audit chain, which keeps each result's id.
            request_id: Of the request that asks for it; None for housekeeping.
            at: When it was asked for.
        """
        chosen = select(table.c.sequence).where(table.c.folder == folder).order_by(table.c.sequence).limit(BATCH)
        gone = delete(table).where(table.c.sequence.in_(chosen)).returning(table.c.id, table.c.image_sha256)
        with self._database.write() as connection:
            head = lock_head(connection)
            rows = connection.execute(gone).all()
            for sha256 in {row.image_sha256 for row in rows} - {None}:
                unlist_unused(connection, sha256)
            details = {"folder": str(folder)}
            events = [AuditEvent("classification.deleted", by, str(row.id), at, request_id, details) for row in rows]
            append(connection, head, events)
        return len(rows)

    def without_folder(self) -> list[UUID]:
        """Folders that are gone and still have results: a deletion was interrupted, or a patch was on its way."""
        is_there = exists().where(folders.c.id == table.c.folder)
        query = select(table.c.folder).where(table.c.folder.is_not(None), ~is_there).distinct()
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())
