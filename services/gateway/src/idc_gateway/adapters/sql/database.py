"""One database: opened, migrated, read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from idc_gateway.adapters.sql.migrate import upgrade
from idc_gateway.errors import StoreUnavailable

_WRITES: Final = "idc_writes"


class Database:
    """Hands out transactions. Every use blocks: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
        with told(), self._engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def check(self) -> None:
        """Prove that the database answers.

        Raises:
            StoreUnavailable: It does not.
        """
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open a database and bring its tables up to date.

    Args:
        url: An SQLAlchemy URL: `sqlite:////var/lib/idc/gateway.sqlite3`, `postgresql+psycopg://user@host/name`.

    Raises:
        StoreUnavailable: The URL is wrong, or the database cannot be opened or migrated.
    """
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        # A connection that a restarted server closed is noticed before it is used.
        engine = create_engine(parsed) if is_sqlite else create_engine(parsed, pool_pre_ping=True, pool_size=10)
    except (ArgumentError, ImportError) as exc:
        raise StoreUnavailable(
            "the database's URL is wrong: sqlite:////path or postgresql+psycopg://host/name"
        ) from exc
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    database = Database(engine)
    with database.write() as connection:
        upgrade(connection)
    return database


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
        raise StoreUnavailable(f"the database does not work, look at its disk and its server: {reason}") from exc


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own notion of transactions begins them late; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    # WAL lets reads go on beside a write; FULL puts a commit on the disk before it returns, so that a power cut
    # loses no accepted result (sqlite.org/pragma.html).
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: what it reads first (the audit chain's head) stays true until it commits.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
