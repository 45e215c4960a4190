"""The gateway's database: opened, migrated, checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import Final

from sqlalchemy import Connection, Engine, select, update

from idc_gateway.errors import DatabaseTooNew, StoreUnavailable
from idc_gateway.sql.migrate import MIGRATIONS
from idc_gateway.sql.tables import audit_head
from idc_servicekit.sql.engine import make_engine
from idc_servicekit.sql.transactions import Transactions

ROOM_BYTES: Final = 1_000_000
CONNECTIONS: Final = 32
"""More than all executors have threads."""
STATEMENT_TIMEOUT_S: Final = 15


class Database(Transactions):
    """Hands out transactions; errors are `StoreUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, StoreUnavailable)
        self._is_doubtful = False
        """Whether the last transaction failed: reading, and locking too, may work on a disk that is full."""

    @contextmanager
    def read_snapshot(self) -> Iterator[Connection]:
        """A connection whose queries all see one moment.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        # An SQLite transaction in WAL mode sees one moment anyway.
        options = {"isolation_level": "REPEATABLE READ"} if self.is_shared else {}
        with self.translated_errors(), self.engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, or rolled back where the block raises.

        Raises:
            StoreUnavailable: The database does not answer; nothing was stored.
        """
        with self._remembered(), super().write() as connection:
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
            _check_room(self.engine.url.database or ".")
        with self.write() as connection:
            connection.execute(select(audit_head.c.sequence).with_for_update()).one()
            if is_doubtful:
                connection.execute(update(audit_head).values(sequence=audit_head.c.sequence))


def open_database(url: str) -> Database:
    """Open a database and bring its tables up to date.

    Args:
        url: An SQLAlchemy URL: `sqlite:////var/lib/idc/gateway.sqlite3`, `postgresql+psycopg://user@host/name`.

    Raises:
        StoreUnavailable: The URL is wrong, or the database cannot be opened or migrated.
        DatabaseTooNew: A newer version of the program has changed its tables.
    """
    try:
        database = Database(make_engine(url, connections=CONNECTIONS, statement_timeout_s=STATEMENT_TIMEOUT_S))
    except ValueError as exc:
        raise StoreUnavailable(str(exc)) from exc
    database.migrate(MIGRATIONS, DatabaseTooNew)
    return database


def _check_room(file: str) -> None:
    """A few bytes may find room where a result does not.

    Raises:
        StoreUnavailable: The file's disk is full.
    """
    free_bytes = disk_usage(Path(file).parent).free
    if free_bytes < ROOM_BYTES:
        raise StoreUnavailable(f"the disk of the database is full, {free_bytes} bytes are left: make room there")
