"""Messages that wait for the broker."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.sql.database import Database
from idc_gateway.sql.statements import Statement
from idc_gateway.sql.tables import outbox

_PUT: Final = Statement(insert(outbox), ["topic", "payload", "created_at"])
_NEWEST: Final = Statement(select(func.max(outbox.c.sequence)))
_WAITING: Final = Statement(
    select(outbox.c.sequence, outbox.c.topic, outbox.c.payload)
    .where(outbox.c.published_at.is_(None), outbox.c.sequence > bindparam("after"))
    .order_by(outbox.c.sequence)
    .limit(bindparam("most"))
)
_MARK: Final = Statement(
    update(outbox).where(outbox.c.sequence == bindparam("confirmed")).values(published_at=bindparam("at"))
)
_FORGET: Final = Statement(delete(outbox).where(outbox.c.published_at < bindparam("before")))

Numbered = tuple[int, OutgoingMessage]
"""A message with its sequence number."""


def put(connection: Connection, messages: Sequence[tuple[OutgoingMessage, datetime]]) -> list[Numbered]:
    """Let messages wait, each with its time, inside a transaction that has locked the audit chain's head.

    Returns:
        The messages with their sequence numbers, where no other gateway can store messages; else nothing.
    """
    if not messages:
        return []
    rows = [{"topic": m.topic, "payload": m.payload, "created_at": at} for m, at in messages]
    _PUT.run_many(connection, rows)
    if connection.dialect.name != "sqlite":
        return []
    # AUTOINCREMENT leaves no number out, and this transaction alone writes.
    ((newest,),) = _NEWEST.rows(connection)
    first = newest - len(messages) + 1
    return [(first + place, message) for place, (message, _) in enumerate(messages)]


class OutboxStore:
    """Messages on their way to the broker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int, after: int = 0) -> list[Numbered]:
        """Messages that the broker has not confirmed, oldest first, each with its sequence number, beyond `after`."""
        with self._database.read() as connection:
            rows = _WAITING.rows(connection, most=limit, after=after)
        return [(sequence, OutgoingMessage(topic, payload)) for sequence, topic, payload in rows]

    def backlog(self) -> tuple[int, datetime | None]:
        """How many messages wait, and since when the oldest does."""
        waits = outbox.c.published_at.is_(None)
        oldest = select(outbox.c.created_at).where(waits).order_by(outbox.c.sequence).limit(1)
        with self._database.read() as connection:
            count = int(connection.execute(select(func.count()).select_from(outbox).where(waits)).scalar_one())
            return count, connection.execute(oldest).scalar()

    def mark_published(self, sequences: Sequence[int], at: datetime, forget_before: datetime) -> int:
        """Record that the broker confirmed these, and delete messages published before `forget_before`.

        Returns:
            How many of them were still there.
        """
        with self._database.write() as connection:
            marked = _MARK.run_many(connection, [{"confirmed": number, "at": at} for number in sequences])
            _FORGET.run(connection, before=forget_before)
            return int(marked.rowcount)

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

    def expire(self, created_before: datetime, audit: AuditEvent) -> int:
        """Delete messages that wait since before then; returns how many, which the audit event gets too."""
        with self._database.write() as connection:
            head = lock_head(connection)
            old = delete(outbox).where(outbox.c.published_at.is_(None), outbox.c.created_at < created_before)
            count = connection.execute(old).rowcount
            append(connection, head, [replace(audit, details={**audit.details, "count": count})])
        return count
