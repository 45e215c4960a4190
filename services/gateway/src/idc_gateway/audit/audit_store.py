"""The audit chain in the database."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, or_, select, update

from idc_gateway.audit.chain import AuditEvent, AuditRecord, ChainHead, Verification, record_after, verify
from idc_gateway.sql.database import Database
from idc_gateway.sql.statements import Statement
from idc_gateway.sql.tables import alarm_actions, audit, audit_head

KEEP_IDS: Final = timedelta(days=90)
"""An alarm that is off may keep a report for long, and the broker keeps one for 30 days."""
_READ_AT_ONCE: Final = 200
_PAUSE_S: Final = 0.0005
"""After each batch: a check computes, and other threads only get the interpreter in its pauses."""

_HEAD: Final = select(audit_head.c.sequence, audit_head.c.sha256).where(audit_head.c.id == 1)
_READ_HEAD: Final = Statement(_HEAD)
_LOCK_HEAD: Final = Statement(_HEAD.with_for_update())
_MOVE_HEAD: Final = Statement(
    update(audit_head).where(audit_head.c.id == 1).values(sequence=bindparam("last"), sha256=bindparam("digest"))
)
_APPEND: Final = Statement(insert(audit), audit.c.keys())
_LATEST: Final = Statement(
    select(audit).where(audit.c.action == bindparam("wanted")).order_by(audit.c.sequence.desc()).limit(1)
)


def lock_head(connection: Connection) -> ChainHead:
    """Read the chain's end and keep it until the transaction ends; other writers wait.

    Call it before anything else is written: sequence numbers then follow the order of commits.
    """
    return ChainHead(*_LOCK_HEAD.rows(connection)[0])


def head_of(connection: Connection) -> ChainHead:
    return ChainHead(*_READ_HEAD.rows(connection)[0])


def append(connection: Connection, head: ChainHead, events: Sequence[AuditEvent]) -> ChainHead:
    """Continue the chain inside a transaction that has locked its head; gives the new head."""
    rows = []
    for event in events:
        record = record_after(head, event)
        head = ChainHead(record.sequence, record.sha256)
        rows.append(_as_row(record))
    if rows:
        _APPEND.run_many(connection, rows)
        _MOVE_HEAD.run(connection, last=head.sequence, digest=head.sha256)
    return head


@dataclass(frozen=True)
class AuditFilter:
    """Filters of records; None does not filter."""

    actor: str | None = None
    action: str | None = None
    """An action, or the beginning of actions up to a dot: `user` for all `user.…`."""
    subject: str | None = None
    at_from: datetime | None = None
    at_before: datetime | None = None


EVERYTHING: Final = AuditFilter()


class AuditStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, events: Sequence[AuditEvent]) -> None:
        """Append events that change nothing else; a change of the store appends its events in its own transaction."""
        with self._database.write() as connection:
            append(connection, lock_head(connection), events)

    def record_once(self, events: Mapping[UUID, AuditEvent], now: datetime) -> None:
        """Append the events whose ids no gateway has recorded before."""
        with self._database.write() as connection:
            head = lock_head(connection)
            known = select(alarm_actions.c.message_id).where(alarm_actions.c.message_id.in_(events))
            new = events.keys() - set(connection.execute(known).scalars())
            if new:
                append(connection, head, [event for name, event in events.items() if name in new])
                rows = [{"message_id": name, "recorded_at": now} for name in new]
                connection.execute(insert(alarm_actions), rows)
            connection.execute(delete(alarm_actions).where(alarm_actions.c.recorded_at < now - KEEP_IDS))

    def page(self, limit: int, *, before: int | None = None, wanted: AuditFilter = EVERYTHING) -> list[AuditRecord]:
        """Records before a sequence number, newest first."""
        query = select(audit).where(*_conditions(wanted)).order_by(audit.c.sequence.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.sequence < before)
        with self._database.read() as connection:
            return [_from_row(row) for row in connection.execute(query)]

    def verify(self) -> Verification:
        """Check the whole chain, in bounded memory."""
        with self._database.read_snapshot() as connection:
            return verify(_all(connection), head_of(connection))


def latest_event(connection: Connection, action: str) -> AuditEvent | None:
    """The newest event of an action, inside a transaction that has locked the head."""
    for row in _LATEST.rows(connection, wanted=action):
        return _from_row(row).event
    return None


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.actor is not None:
        conditions.append(audit.c.actor == wanted.actor)
    if wanted.action is not None:
        conditions.append(or_(audit.c.action == wanted.action, _begins_with(f"{wanted.action}.")))
    if wanted.subject is not None:
        conditions.append(audit.c.subject == wanted.subject)
    if wanted.at_from is not None:
        conditions.append(audit.c.at >= wanted.at_from)
    if wanted.at_before is not None:
        conditions.append(audit.c.at < wanted.at_before)
    return conditions


def _begins_with(beginning: str) -> ColumnElement[bool]:
    """Whether an action begins so; by its index, which LIKE does not use in every collation."""
    after = beginning[:-1] + chr(ord(beginning[-1]) + 1)
    return and_(audit.c.action >= beginning, audit.c.action < after)


def _all(connection: Connection) -> Iterator[AuditRecord]:
    last = -(2**31)  # the key's least value, to find a record inserted before the first
    while True:
        query = select(audit).where(audit.c.sequence > last).order_by(audit.c.sequence).limit(_READ_AT_ONCE)
        rows = connection.execute(query).all()
        yield from (_from_row(row) for row in rows)
        if not rows:
            return
        last = rows[-1].sequence
        time.sleep(_PAUSE_S)


def _as_row(record: AuditRecord) -> dict[str, Any]:
    columns = {**vars(record), **vars(record.event)}
    del columns["event"]
    return columns


def _from_row(row: Sequence[Any]) -> AuditRecord:
    sequence, at, actor, action, subject, request_id, details, previous_sha256, sha256 = row
    event = AuditEvent(action, actor, subject, at, request_id, details)
    return AuditRecord(sequence, event, previous_sha256, sha256)
