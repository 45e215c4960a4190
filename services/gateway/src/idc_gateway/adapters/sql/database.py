"""One database: opened, migrated, read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from idc_gateway.adapters.sql.engine import LOCK_TIMEOUT_S, WRITES, make_engine
from idc_gateway.adapters.sql.migrate import upgrade
from idc_gateway.adapters.sql.tables import audit_head
from idc_gateway.errors import StoreUnavailable

_HELD: Final = ("database is locked", "database table is locked")
"""What SQLite says where another process, a backup say, does not give the file free."""


class Database:
    """Hands out transactions. Every use blocks: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._write_lock = Lock()

    @property
    def is_shared(self) -> bool:
        """Whether other gateways may use the same database."""
        return self._engine.dialect.name == "postgresql"

    @property
    def engine(self) -> Engine:
        """The engine, for what lives as long as a connection."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        with told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def read_snapshot(self) -> Iterator[Connection]:
        """A connection whose queries all see one moment.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        # An SQLite transaction in WAL mode sees one moment anyway.
        options = {"isolation_level": "REPEATABLE READ"} if self.is_shared else {}
        with told(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or rolled back where the block raises.

        Raises:
            StoreUnavailable: The database does not answer; nothing was stored.
        """
        writing = {WRITES: True}
        with (
            self._turn(),
            told(),
            self._engine.connect().execution_options(**writing) as connection,
            connection.begin(),
        ):
            yield connection

    def check(self) -> None:
        """Prove that the database answers and that its writers can go on: read what each of them locks first.

        Raises:
            StoreUnavailable: It does not.
        """
        with self.write() as connection:
            connection.execute(select(audit_head.c.sequence).with_for_update()).one()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite's own waiting is a poll, under which some wait long; PostgreSQL's is a queue.
        if self.is_shared:
            yield
            return
        if not self._write_lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise StoreUnavailable(f"the database is busy: another write has not ended within {LOCK_TIMEOUT_S} s")
        try:
            yield
        finally:
            self._write_lock.release()


def open_database(url: str) -> Database:
    """Open a database and bring its tables up to date.

    Args:
        url: An SQLAlchemy URL: `sqlite:////var/lib/idc/gateway.sqlite3`, `postgresql+psycopg://user@host/name`.

    Raises:
        StoreUnavailable: The URL is wrong, or the database cannot be opened or migrated.
        DatabaseTooNew: A newer version of the program has changed its tables.
    """
    database = Database(make_engine(url))
    try:
        _bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return database


def _bring_up_to_date(database: Database) -> None:
    with told(), database.engine.connect().execution_options(**{WRITES: True}) as connection:
        # A migration that rebuilds a table drops the old one, which deletes what refers to it while foreign keys are
        # on; inside of a transaction they cannot be switched (sqlite.org/foreignkeys.html, 5 and 6).
        _set_foreign_keys(database, connection, "OFF")
        with connection.begin():
            upgrade(connection)
        _set_foreign_keys(database, connection, "ON")


def _set_foreign_keys(database: Database, connection: Connection, switch: str) -> None:
    if not database.is_shared:
        connection.connection.cursor().execute(f"PRAGMA foreign_keys={switch}")


def with_password(url: str, password: str) -> str:
    """A database's URL with its account's password."""
    return make_url(url).set(password=password).render_as_string(hide_password=False)


@contextmanager
def told() -> Iterator[None]:
    """Turn what SQLAlchemy raises into StoreUnavailable."""
    try:
        yield
    except SQLAlchemyError as exc:
        reason = str(exc.__cause__ or exc).splitlines()[0]
        remedy = "end what else holds its file, or wait" if reason in _HELD else "look at its disk and its server"
        raise StoreUnavailable(f"the database does not work, {remedy}: {reason}") from exc
