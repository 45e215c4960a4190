"""Results, outgoing messages and keys in an SQL database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, create_engine, delete, event, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from idc_contracts import Decision, ModelRef, Thresholds
from idc_gateway.adapters.sql_tables import api_keys, classifications, metadata, outbox, sessions
from idc_gateway.classifications import Classification, OutgoingMessage
from idc_gateway.errors import StoreUnavailable


def open_store(url: str) -> "SqlStore":
    """Open a database and make the tables that it lacks.

    Args:
        url: An SQLAlchemy URL, for instance `sqlite:////var/lib/idc/gateway.sqlite3`.

    Raises:
        StoreUnavailable: The database cannot be opened.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    with _told():
        metadata.create_all(engine)
    return SqlStore(engine)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        raise StoreUnavailable(f"the database does not work, look at its disk and its folder: {exc.__cause__}") from exc


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # WAL lets reads go on beside a write; FULL puts a commit on the disk before it returns, so that a power cut
    # loses no accepted result (sqlite.org/pragma.html).
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


class SqlStore:
    """See `Store`. Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with _told(), self._engine.begin() as connection:
            yield connection

    def add(self, results: Sequence[Classification], messages: Sequence[OutgoingMessage]) -> None:
        """Store results and the messages about them in one transaction."""
        with self._write() as connection:
            if results:
                connection.execute(insert(classifications), [_as_row(result) for result in results])
            if messages:
                connection.execute(insert(outbox), [{"topic": m.topic, "payload": m.payload} for m in messages])

    def classification(self, identity: UUID) -> Classification | None:
        """One result; None where there is none."""
        with self._read() as connection:
            row = connection.execute(select(classifications).where(classifications.c.id == identity)).first()
        return None if row is None else _from_row(row)

    def recent(self, limit: int) -> list[Classification]:
        """The latest results, newest first."""
        query = select(classifications).order_by(classifications.c.sequence.desc()).limit(limit)
        with self._read() as connection:
            return [_from_row(row) for row in connection.execute(query)]

    def add_message(self, message: OutgoingMessage) -> None:
        """Store a message on its own."""
        self.add([], [message])

    def waiting(self, limit: int) -> list[tuple[int, OutgoingMessage]]:
        """Messages that the broker has not confirmed, oldest first."""
        query = select(outbox).where(outbox.c.published_at.is_(None)).order_by(outbox.c.sequence).limit(limit)
        with self._read() as connection:
            return [(row.sequence, OutgoingMessage(row.topic, row.payload)) for row in connection.execute(query)]

    def count_waiting(self) -> int:
        """How many messages the broker has not confirmed."""
        query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        with self._read() as connection:
            return int(connection.execute(query).scalar_one())

    def mark_published(self, sequences: Sequence[int], at: datetime) -> None:
        """Record that the broker confirmed these."""
        with self._write() as connection:
            connection.execute(update(outbox).where(outbox.c.sequence.in_(sequences)).values(published_at=at))

    def publish_again(self, limit: int) -> int:
        """Let the newest published messages wait again."""
        newest = (
            select(outbox.c.sequence)
            .where(outbox.c.published_at.is_not(None))
            .order_by(outbox.c.sequence.desc())
            .limit(limit)
        )
        with self._write() as connection:
            done = connection.execute(update(outbox).where(outbox.c.sequence.in_(newest)).values(published_at=None))
        return done.rowcount

    def forget_published(self, before: datetime) -> None:
        """Delete messages that were published before then."""
        with self._write() as connection:
            connection.execute(delete(outbox).where(outbox.c.published_at < before))

    def put_key(self, name: str, key_sha256: str, at: datetime) -> None:
        """Store the digest of an API key; a key that had this name, and its sessions, are gone."""
        with self._write() as connection:
            connection.execute(delete(api_keys).where(api_keys.c.name == name))
            connection.execute(insert(api_keys).values(name=name, sha256=key_sha256, created_at=at))

    def key_name(self, key_sha256: str) -> str | None:
        """The name of the key with this digest."""
        with self._read() as connection:
            return connection.execute(select(api_keys.c.name).where(api_keys.c.sha256 == key_sha256)).scalar()

    def add_session(self, token_sha256: str, key_name: str, *, now: datetime, expires_at: datetime) -> None:
        """Store the digest of a session's token, and forget the sessions that are over."""
        with self._write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(sha256=token_sha256, key_name=key_name, expires_at=expires_at))

    def session_key_name(self, token_sha256: str, now: datetime) -> str | None:
        """The name of the key that a session was opened with; None where it is unknown or over."""
        query = select(sessions.c.key_name).where(sessions.c.sha256 == token_sha256, sessions.c.expires_at > now)
        with self._read() as connection:
            return connection.execute(query).scalar()

    def end_session(self, token_sha256: str) -> None:
        """Forget a session."""
        with self._write() as connection:
            connection.execute(delete(sessions).where(sessions.c.sha256 == token_sha256))

    def check(self) -> None:
        """Prove that the database answers."""
        with self._read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _as_row(result: Classification) -> dict[str, Any]:
    return {
        "id": result.id,
        "name": result.name,
        "probability": result.probability,
        "decision": result.decision.value,
        "model_name": result.model.name,
        "model_version": result.model.version,
        "model_sha256": result.model.sha256,
        "no_idc_below": result.thresholds.no_idc_below,
        "idc_from": result.thresholds.idc_from,
        "latency_ms": result.latency_ms,
        "created_at": result.created_at,
        "width_px": result.width_px,
        "height_px": result.height_px,
    }


def _from_row(row: Row[Any]) -> Classification:
    return Classification(
        id=row.id,
        name=row.name,
        probability=row.probability,
        decision=Decision(row.decision),
        model=ModelRef(name=row.model_name, version=row.model_version, sha256=row.model_sha256),
        thresholds=Thresholds(no_idc_below=row.no_idc_below, idc_from=row.idc_from),
        latency_ms=row.latency_ms,
        created_at=row.created_at,
        width_px=row.width_px,
        height_px=row.height_px,
    )
