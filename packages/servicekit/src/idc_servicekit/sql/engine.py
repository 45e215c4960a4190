"""Engines: how connections of SQLite and PostgreSQL are set up, so that none of them waits without an end."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

WRITES: Final = "idc_writes"
"""Execution option of connections that write."""
LOCK_TIMEOUT_S: Final = 10
POOL_TIMEOUT_S: Final = 10
_POSTGRES: Final[dict[str, Any]] = {
    # A server that vanished, or a network that swallows packets, is noticed within these.
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}


def make_engine(url: str, *, connections: int, statement_timeout_s: int) -> Engine:
    """The engine for an SQLAlchemy URL; nothing is opened yet.

    Args:
        url: `sqlite:////var/lib/idc/file.sqlite3`, `postgresql+psycopg://user@host/name`.
        connections: Most at one time; as many as threads use it, so that none waits for one.
        statement_timeout_s: Longest time of one statement, by PostgreSQL.

    Raises:
        ValueError: The URL is wrong.
    """
    kept = max(1, connections // 4)
    pool = {"pool_size": kept, "max_overflow": connections - kept, "pool_timeout": POOL_TIMEOUT_S}
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, pool)
        return _postgres(parsed, pool, statement_timeout_s)
    except (ArgumentError, ImportError) as exc:
        raise ValueError("the database's URL is wrong: sqlite:////path or postgresql+psycopg://host/name") from exc


def with_password(url: str, password: str) -> str:
    """A database's URL with its account's password."""
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def _postgres(url: URL, pool: dict[str, Any], statement_timeout_s: int) -> Engine:
    options = (
        f"-c statement_timeout={statement_timeout_s}s -c lock_timeout={LOCK_TIMEOUT_S}s "
        "-c idle_in_transaction_session_timeout=60s"
    )
    # The URL's own options take precedence. A connection that a restarted server closed is noticed before it is used.
    arguments = {name: value for name, value in (_POSTGRES | {"options": options}).items() if name not in url.query}
    is_postgres = url.get_backend_name() == "postgresql"
    return create_engine(url, pool_pre_ping=True, connect_args=arguments if is_postgres else {}, **pool)


def _sqlite(url: URL, pool: dict[str, Any]) -> Engine:
    engine = create_engine(url, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own notion of transactions begins them late; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    # WAL allows reads during a write; FULL puts a commit on the disk before it returns, so that a power cut
    # loses no accepted result (sqlite.org/pragma.html). The writers of this process wait for one another elsewhere:
    # the busy time-out is for other processes, a backup say.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={LOCK_TIMEOUT_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: what it reads first (the audit chain's head, say) stays true until it commits.
    writes = connection.get_execution_options().get(WRITES, False)
    # Through SQLAlchemy it costs four times as much.
    connection.connection.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN")
