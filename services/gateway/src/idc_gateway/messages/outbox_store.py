"""Messages that wait for the broker."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import outbox


def put(connection: Connection, messages: Sequence[OutgoingMessage], at: datetime) -> None:
    """Let messages wait, inside a transaction that has locked the audit chain's head."""
    if messages:
        rows = [{"topic": m.topic, "payload": m.payload, "created_at": at} for m in messages]
        connection.execute(insert(outbox), rows)


class OutboxStore:
    """Messages on their way to the broker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int, after: int = 0) -> list[tuple[int, OutgoingMessage]]:
        """Messages that the broker has not confirmed, oldest first, each with its sequence number, beyond `after`."""
        waits = outbox.c.published_at.is_(None)
        query = select(outbox).where(waits, outbox.c.sequence > after).order_by(outbox.c.sequence).limit(limit)
        with self._database.read() as connection:
            return [(row.sequence, OutgoingMessage(row.topic, row.payload)) for row in connection.execute(query)]

    def backlog(self) -> tuple[int, datetime | None]:
        """How many messages wait, and since when the oldest does."""
        waits = outbox.c.published_at.is_(None)
        oldest = select(outbox.c.created_at).where(waits).order_by(outbox.c.sequence).limit(1)
        with self._database.read() as connection:
            count = int(connection.execute(select(func.count()).select_from(outbox).where(waits)).scalar_one())
            return count, connection.execute(oldest).scalar()

    def mark_published(self, sequences: Sequence[int], at: datetime) -> int:
        """Record that the broker confirmed these; returns how many still were there."""
        with self._database.write() as connection:
            confirmed = update(outbox).where(outbox.c.sequence.in_(sequences)).values(published_at=at)
            return connection.execute(confirmed).rowcount

    def publish_again(self, limit: int) -> int:
        """Let the newest published messages wait again; returns how many."""
        newest = (
            select(outbox.c.sequence)
            .where(outbox.c.published_at.is_not(None))
            .order_by(outbox.c.sequence.desc())
            .limit(limit)
        )
        with self._database.write() as connection:
            sequences: Sequence[Any] = connection.execute(newest).scalars().all()
            connection.execute(update(outbox).where(outbox.c.sequence.in_(sequences)).values(published_at=None))
        return len(sequences)

    def forget_published(self, before: datetime) -> None:
        """Delete messages that were published before then."""
        with self._database.write() as connection:
            connection.execute(delete(outbox).where(outbox.c.published_at < before))

    def expire(self, created_before: datetime, audit: AuditEvent) -> int:
        """Delete messages that wait since before then; returns how many, which the audit event gets too."""
        with self._database.write() as connection:
            head = lock_head(connection)
            old = delete(outbox).where(outbox.c.published_at.is_(None), outbox.c.created_at < created_before)
            count = connection.execute(old).rowcount
            append(connection, head, [replace(audit, details={**audit.details, "count": count})])
        return count
