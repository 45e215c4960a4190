"""One database: opened, migrated, read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from threading import Lock
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from idc_slides.errors import DatabaseTooNew, StoreUnavailable
from idc_slides.sql.engine import LOCK_TIMEOUT_S, WRITES, make_engine

_MIGRATION_LOCK: Final = 0x1DC_51D
"""Any number that nothing else in the database locks."""


class Database:
    """Hands out transactions. Every use blocks: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._write_lock = Lock()

    @property
    def is_shared(self) -> bool:
        """Whether other services may use the same database."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        with _translated_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or rolled back where the block raises.

        Raises:
            StoreUnavailable: The database does not answer; nothing was stored.
        """
        options = {WRITES: True}
        with (
            self._turn(),
            _translated_errors(),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    def check(self) -> None:
        """Prove that the database answers. Raises StoreUnavailable where it does not."""
        with self.read() as connection:
            connection.execute(text("SELECT 1")).one()

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
        url: An SQLAlchemy URL: `sqlite:////var/lib/idc/slides.sqlite3`, `postgresql+psycopg://user@host/name`.

    Raises:
        StoreUnavailable: The URL is wrong, or the database cannot be opened or migrated.
        DatabaseTooNew: A newer version of the program has changed its tables.
    """
    database = Database(make_engine(url))
    try:
        with database.write() as connection:
            _upgrade(connection)
    except BaseException:
        database.close()
        raise
    return database


def with_password(url: str, password: str) -> str:
    """A database's URL with its account's password."""
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Services that start together wait for one another; the lock ends with the transaction.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(files("idc_slides.sql") / "migrations"))
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection, opts=VERSION_TABLE).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseTooNew(
            f"the database has tables of a newer version (revision {current}, this program knows "
            f"{scripts.get_current_head()}): start that version again"
        )
    command.upgrade(config, "head")


VERSION_TABLE: Final = {"version_table": "slides_version"}
"""Of its own name, so that a gateway may use the same database."""


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        reason = str(exc.__cause__ or exc).splitlines()[0]
        raise StoreUnavailable(f"the database does not work, check its disk and its server: {reason}") from exc
