"""Brings a database's tables up to date, by Alembic."""

from importlib.resources import files
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

_FIRST: Final = "0001"
_LOCK_KEY: Final = 0x1DC
"""Any number that nothing else in the database locks."""


def upgrade(connection: Connection) -> None:
    """Run the migrations that the database lacks, inside the caller's transaction.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: One failed; the transaction must be rolled back.
    """
    if connection.dialect.name == "postgresql":
        # Gateways that start together wait for one another; the lock ends with the transaction.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    config = Config()
    config.set_main_option("script_location", str(files("idc_gateway") / "migrations"))
    config.attributes["connection"] = connection
    if _is_older_than_migrations(connection):
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")


def _is_older_than_migrations(connection: Connection) -> bool:
    is_versioned = MigrationContext.configure(connection).get_current_revision() is not None
    return not is_versioned and inspect(connection).has_table("classifications")
