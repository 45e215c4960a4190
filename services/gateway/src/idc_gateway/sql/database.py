"""One database: opened, migrated, read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from idc_gateway.errors import StoreUnavailable
from idc_gateway.sql.engine import LOCK_TIMEOUT_S, WRITES, make_engine
from idc_gateway.sql.migrate import upgrade
from idc_gateway.sql.tables import audit_head

ROOM_BYTES: Final = 1_000_000
_HELD: Final = ("database is locked", "database table is locked")
"""SQLite's errors while another process, such as a backup, locks the file."""


class Database:
    """Hands out transactions. Every use blocks: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._write_lock = Lock()
        self._is_doubtful = False
        """Whether the last transaction failed: reading, and locking too, may work on a disk that is full."""

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
        with translate_errors(self._driver_error), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def read_snapshot(self) -> Iterator[Connection]:
        """A connection whose queries all see one moment.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        # An SQLite transaction in WAL mode sees one moment anyway.
        options = {"isolation_level": "REPEATABLE READ"} if self.is_shared else {}
        with (
            translate_errors(self._driver_error),
            self._engine.connect().execution_options(**options) as connection,
        ):
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or rolled back where the block raises.

        Raises:
            StoreUnavailable: The database does not answer; nothing was stored.
        """
        writing = {WRITES: True}
        with (
            self._remembered(),
            self._turn(),
            translate_errors(self._driver_error),
            self._engine.connect().execution_options(**writing) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:
            self._is_doubtful = True
            raise
        self._is_doubtful = False

    def check(self) -> None:
        """Prove that the database answers and that its writers can continue: read what each of them locks first.

        After a transaction that failed it writes, too.

        Raises:
            StoreUnavailable: It does not.
        """
        is_doubtful = self._is_doubtful
        if is_doubtful and not self.is_shared:
            _check_room(self._engine.url.database or ".")
        with self.write() as connection:
            connection.execute(select(audit_head.c.sequence).with_for_update()).one()
            if is_doubtful:
                connection.execute(update(audit_head).values(sequence=audit_head.c.sequence))

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
    with translate_errors(), database.engine.connect().execution_options(**{WRITES: True}) as connection:
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


def _check_room(file: str) -> None:
    """A few bytes may find room where a result does not.

    Raises:
        StoreUnavailable: The file's disk is full.
    """
    free_bytes = disk_usage(Path(file).parent).free
    if free_bytes < ROOM_BYTES:
        raise StoreUnavailable(f"the disk of the database is full, {free_bytes} bytes are left: make room there")


@contextmanager
def translate_errors(driver_error: type[Exception] = SQLAlchemyError) -> Iterator[None]:
    """Turn what SQLAlchemy, or the driver by itself, raises into StoreUnavailable."""
    try:
        yield
    except (SQLAlchemyError, driver_error) as exc:
        reason = str(exc.__cause__ or exc).splitlines()[0]
        remedy = "stop the program that holds its file, or wait" if reason in _HELD else "check its disk and its server"
        raise StoreUnavailable(f"the database does not work, {remedy}: {reason}") from exc
