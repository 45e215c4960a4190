"""Engines: how connections of SQLite and PostgreSQL are set up, so that none of them waits without an end."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from idc_slides.errors import StoreUnavailable

WRITES: Final = "idc_writes"
"""Execution option of connections that write."""
LOCK_TIMEOUT_S: Final = 10
_POOL: Final[dict[str, Any]] = {"pool_size": 4, "max_overflow": 44, "pool_timeout": 10}
"""More than all threads that use it: none waits for a connection."""
_POSTGRES: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
    "options": f"-c statement_timeout=30s -c lock_timeout={LOCK_TIMEOUT_S}s -c idle_in_transaction_session_timeout=60s",
}


def make_engine(url: str) -> Engine:
    """The engine for an SQLAlchemy URL; nothing is opened yet.

    Raises:
        StoreUnavailable: The URL is wrong.
    """
    try:
        parsed = make_url(url)
        return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgres(parsed)
    except (ArgumentError, ImportError) as exc:
        raise StoreUnavailable(
            "the database's URL is wrong: sqlite:////path or postgresql+psycopg://host/name"
        ) from exc


def _postgres(url: URL) -> Engine:
    # The URL's own options take precedence. A connection that a restarted server closed is noticed before it is used.
    arguments = {name: value for name, value in _POSTGRES.items() if name not in url.query}
    return create_engine(url, pool_pre_ping=True, connect_args=arguments, **_POOL)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions begin late; `_begin_sqlite` begins them. WAL allows reads during a write, and FULL
    # puts a commit on the disk before it returns (sqlite.org/pragma.html).
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={LOCK_TIMEOUT_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: what it reads first stays true until it commits.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
