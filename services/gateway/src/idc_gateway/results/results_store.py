"""Results, and what is stored in one transaction with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Select, and_, delete, func, insert, or_, select

from idc_contracts import Decision
from idc_gateway.audit.audit_store import append, head_of, latest_event, lock_head
from idc_gateway.audit.chain import EMPTY, AuditEvent, ChainHead
from idc_gateway.idempotency.receipts_store import keep
from idc_gateway.messages.outbox_store import Numbered, put
from idc_gateway.results.classifications import Classification
from idc_gateway.results.image_index_store import abandon, note, unlist_unused
from idc_gateway.results.model_changes import MODEL_CHANGED, with_model_changes
from idc_gateway.results.positions import Position, Slice
from idc_gateway.results.queries import ClassificationFilter, Cursor, Page, UncertaintyCursor
from idc_gateway.results.reviews_store import latest_reviews
from idc_gateway.results.rows import COLUMNS, as_row, from_row
from idc_gateway.results.uncertainty_store import nearest_the_cut
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.sql.database import Database
from idc_gateway.sql.statements import Statement
from idc_gateway.sql.tables import audit as audit_table
from idc_gateway.sql.tables import classifications as table

_ADD: Final = Statement(insert(table), COLUMNS)


@dataclass(frozen=True)
class Stored:
    """What became of units of work."""

    fresh: list[bool]
    """For each whether it was stored."""
    messages: list[Numbered]
    """The messages that wait for the broker, if only this gateway stores messages; else nothing."""


class ResultsStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_model = (EMPTY, "")
        """The chain's end after the last results, and their model's digest."""

    def add(self, units: Sequence[UnitOfWork]) -> list[bool]:
        """Store units of work; for each whether it was stored. See `store`."""
        return self.store(units).fresh

    def store(self, units: Sequence[UnitOfWork]) -> Stored:
        """Store units of work in one transaction: results, the messages about them, audit events and receipts.

        A unit is not stored where its claim has a receipt already, or where one of its results is of an image that its
        series has already.

        Raises:
            ImageGone: An image that was stored before was removed meanwhile; nothing was stored.
        """
        with self._database.write() as connection:
            head = lock_head(connection)
            taken = _taken(connection, [key for unit in units for key in unit.once_keys])
            fresh = [_is_fresh(connection, unit, taken) for unit in units]
            new = [unit for unit, is_fresh in zip(units, fresh, strict=True) if is_fresh]
            rows = [as_row(result) for unit in new for result in unit.results]
            if rows:
                _ADD.run_many(connection, rows)
            note(connection, [(image, unit.at) for unit in new for image in unit.images])
            messages = put(connection, [(message, unit.at) for unit in new for message in unit.messages])
            old = [unit for unit, is_fresh in zip(units, fresh, strict=True) if not is_fresh]
            abandon(connection, [image.stored_as for unit in old for image in unit.images])
            before = self._model_before(connection, head)
            head = append(connection, head, list(with_model_changes(before, new)))
        models = [result.model.sha256 for unit in new if unit.device is not None for result in unit.results]
        self._last_model = (head, models[-1] if models else before)
        return Stored(fresh, messages)

    def _model_before(self, connection: Connection, head: ChainHead) -> str:
        """The digest of the model of the results before; empty where there are none. The head is locked."""
        seen, digest = self._last_model
        if seen == head:  # nothing was recorded since
            return digest
        latest = latest_event(connection, MODEL_CHANGED)
        return latest.details["sha256"] if latest else ""

    def get(self, result_id: UUID) -> Classification | None:
        """One result; None where there is none."""
        with self._database.read() as connection:
            return next(iter(_read(connection, select(table).where(table.c.id == result_id))), None)

    def stored_once(self, once_keys: Sequence[str]) -> dict[str, Classification]:
        """The results of images that their series have already, by their keys."""
        with self._database.read() as connection:
            results = _read(connection, select(table).where(table.c.once_key.in_(once_keys)))
        return {result.once_key: result for result in results if result.once_key is not None}

    def most_uncertain(
        self, wanted: ClassificationFilter, limit: int, after: UncertaintyCursor | None
    ) -> Page[UncertaintyCursor]:
        """At most `limit` results after the cursor `after`, P(IDC) nearest the cut first, older ones first."""
        query = nearest_the_cut(wanted, _conditions(wanted), limit + 1, after)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            items = _with_reviews(connection, rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(items, None if last is None else UncertaintyCursor(last.distance, last.sequence))

    def page(self, wanted: ClassificationFilter, limit: int, after: Cursor | None) -> Page[Cursor]:
        """At most `limit` results after the cursor `after`, newest first."""
        query = select(table).where(*_conditions(wanted))
        if after is not None:
            query = query.where(
                or_(
                    table.c.created_at < after.created_at,
                    and_(table.c.created_at == after.created_at, table.c.sequence < after.sequence),
                )
            )
        query = query.order_by(table.c.created_at.desc(), table.c.sequence.desc()).limit(limit + 1)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            items = _with_reviews(connection, rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(items, None if last is None else Cursor(last.created_at, last.sequence))

    def counts(self) -> dict[Decision, int]:
        """How many results are stored, by decision; a decision without any is left out."""
        query = select(table.c.decision, func.count()).group_by(table.c.decision)  # reads the decisions' index alone
        with self._database.read() as connection:
            return {Decision(decision): count for decision, count in connection.execute(query)}

    def since(self, position: Position | None, limit: int) -> Slice:
        """At most `limit` results, oldest first, that were stored after a position; None only tells the newest one."""
        with self._database.read_snapshot() as connection:
            head = head_of(connection)
            newest = connection.execute(select(func.coalesce(func.max(table.c.sequence), 0))).scalar_one()
            if position is None:
                return Slice(is_complete=True, start=Position.at(newest, head), results=[])
            is_proven = _is_in_chain(connection, position)
            start = position.sequence if is_proven or 0 <= position.sequence <= newest else newest
            query = select(table).where(table.c.sequence > start).order_by(table.c.sequence).limit(limit)
            rows = connection.execute(query).all()
            items = _with_reviews(connection, rows)
        results = [(Position.at(row.sequence, head), item) for row, item in zip(rows, items, strict=True)]
        return Slice(is_proven, Position.at(start, head), results)

    def delete(self, result_id: UUID, audit: AuditEvent) -> bool:
        """Delete one result and its reviews, and unlist its image where no other has it; False where there is none."""
        with self._database.write() as connection:
            head = lock_head(connection)
            gone = delete(table).where(table.c.id == result_id).returning(table.c.image_sha256)
            row = connection.execute(gone).first()
            if row is None:
                return False
            if row.image_sha256 is not None:
                unlist_unused(connection, row.image_sha256)
            append(connection, head, [audit])
        return True


def _taken(connection: Connection, once_keys: Sequence[str]) -> set[str]:
    """The keys that already have results; the head is locked, so that none is added before the commit."""
    if not once_keys:
        return set()
    return set(connection.execute(select(table.c.once_key).where(table.c.once_key.in_(once_keys))).scalars())


def _is_fresh(connection: Connection, unit: UnitOfWork, taken: set[str]) -> bool:
    """Whether a unit may be stored; its keys are taken then."""
    if not taken.isdisjoint(unit.once_keys):
        return False
    taken.update(unit.once_keys)
    return unit.receipt is None or keep(connection, unit.receipt)


def _is_in_chain(connection: Connection, position: Position) -> bool:
    """Whether the audit chain still has the record of this position: the database was not set back."""
    if position.records == 0:
        return position.proves(EMPTY)
    query = select(audit_table.c.sequence, audit_table.c.sha256).where(audit_table.c.sequence == position.records)
    row = connection.execute(query).first()
    return row is not None and position.proves(ChainHead(row.sequence, row.sha256))


def _conditions(wanted: ClassificationFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.decision is not None:
        conditions.append(table.c.decision == wanted.decision.value)
    if wanted.reason is not None:
        # Only uncertain results have reasons: the index of decisions finds them.
        conditions.append(table.c.decision == Decision.UNCERTAIN.value)
        conditions.append(table.c.reasons.contains(wanted.reason.value, autoescape=True))
    if wanted.patient is not None:
        conditions.append(table.c.patient == wanted.patient)
    if wanted.slide is not None:
        conditions.append(table.c.slide == wanted.slide)
    if wanted.folder is not None:
        conditions.append(table.c.folder == wanted.folder)
    if wanted.reviewed is not None:
        conditions.append(table.c.verdict.is_not(None) if wanted.reviewed else table.c.verdict.is_(None))
    if wanted.created_from is not None:
        conditions.append(table.c.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        conditions.append(table.c.created_at < wanted.created_before)
    return conditions


def _read(connection: Connection, query: Select[Any]) -> list[Classification]:
    return _with_reviews(connection, connection.execute(query).all())


def _with_reviews(connection: Connection, rows: Sequence[Any]) -> list[Classification]:
    reviews = latest_reviews(connection, [row.id for row in rows if row.verdict is not None])
    return [from_row(row, reviews.get(row.id)) for row in rows]
