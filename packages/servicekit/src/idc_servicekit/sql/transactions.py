"""Transactions of one database."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from idc_servicekit.sql.engine import LOCK_TIMEOUT_S, WRITES
from idc_servicekit.sql.migrations import Migrations, UnknownRevision

_HELD: Final = ("database is locked", "database table is locked")
"""SQLite's errors while another process, such as a backup, locks the file."""


class Transactions:
    """Hands out transactions. Every use blocks: call it in a thread."""

    def __init__(self, engine: Engine, unavailable: type[Exception]) -> None:
        """Take an engine.

        Args:
            engine: Of `make_engine`.
            unavailable: What is raised, with a text, where the database does not answer.
        """
        self._engine, self._unavailable = engine, unavailable
        self._for_writers = engine.execution_options(**{WRITES: True})
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._write_lock = Lock()

    @property
    def is_shared(self) -> bool:
        """Whether other services may use the same database."""
        return self._engine.dialect.name == "postgresql"

    @property
    def engine(self) -> Engine:
        """The engine, for what lives as long as a connection."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with. Raises `unavailable` where the database does not answer."""
        with self.translated_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or rolled back where the block raises.

        Raises `unavailable` where the database does not answer; nothing was stored.
        """
        with self._turn(), self.translated_errors(), self._for_writers.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def migrate(self, migrations: Migrations, too_new: type[Exception]) -> None:
        """Bring the tables up to date; where that fails, all connections are closed.

        Raises `unavailable` where the database does not answer or a migration fails, and `too_new`, with a text, where
        a newer version of the program has changed the tables.
        """
        try:
            with self.migrating() as connection:
                migrations.run(connection)
        except UnknownRevision as exc:
            self.close()
            raise too_new(str(exc)) from exc
        except BaseException:
            self.close()
            raise

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction in which tables may be rebuilt. Raises as `write` does."""
        # A migration that rebuilds a table drops the old one, which deletes what refers to it while foreign keys are
        # on; inside of a transaction they cannot be switched (sqlite.org/foreignkeys.html, 5 and 6).
        with self.translated_errors(), self._for_writers.connect() as connection:
            self._set_foreign_keys(connection, "OFF")
            with connection.begin():
                yield connection
            self._set_foreign_keys(connection, "ON")

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turn what SQLAlchemy, or the driver by itself, raises into `unavailable`."""
        try:
            yield
        except (SQLAlchemyError, self._driver_error) as exc:
            reason = str(exc.__cause__ or exc).splitlines()[0]
            held = "stop the program that holds its file, or wait"
            remedy = held if reason in _HELD else "check its disk and its server"
            raise self._unavailable(f"the database does not work, {remedy}: {reason}") from exc

    def _set_foreign_keys(self, connection: Connection, switch: str) -> None:
        if not self.is_shared:
            connection.connection.cursor().execute(f"PRAGMA foreign_keys={switch}")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite's own waiting is a poll, under which some wait long; PostgreSQL's is a queue.
        if self.is_shared:
            yield
            return
        if not self._write_lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise self._unavailable(f"the database is busy: another write has not ended within {LOCK_TIMEOUT_S} s")
        try:
            yield
        finally:
            self._write_lock.release()
