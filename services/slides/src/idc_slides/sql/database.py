"""The service's database: opened, migrated, checked."""

from typing import Final

from sqlalchemy import Engine, text

from idc_servicekit.sql.engine import make_engine
from idc_servicekit.sql.migrations import Migrations
from idc_servicekit.sql.transactions import Transactions
from idc_slides.errors import DatabaseTooNew, StoreUnavailable

CONNECTIONS: Final = 48
"""More than all threads that use it."""
STATEMENT_TIMEOUT_S: Final = 30
MIGRATIONS: Final = Migrations("idc_slides.sql", lock_key=0x1DC_51D, version_table="slides_version")
"""The version's table has a name of its own, so that a gateway may use the same database."""


class Database(Transactions):
    """Hands out transactions; errors are `StoreUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, StoreUnavailable)

    def check(self) -> None:
        """Prove that the database answers. Raises StoreUnavailable where it does not."""
        with self.read() as connection:
            connection.execute(text("SELECT 1")).one()


def open_database(url: str) -> Database:
    """Open a database and bring its tables up to date.

    Args:
        url: An SQLAlchemy URL: `sqlite:////var/lib/idc/slides.sqlite3`, `postgresql+psycopg://user@host/name`.

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
