"""Brings a database's tables up to date, by Alembic."""

from importlib.resources import files
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from idc_gateway.errors import DatabaseTooNew

_FIRST: Final = "0001"
_LOCK_KEY: Final = 0x1DC
"""Any number that nothing else in the database locks."""


def upgrade(connection: Connection) -> None:
    """Run the migrations that the database lacks, inside the caller's transaction.

    Raises:
        DatabaseTooNew: A newer version of the program has changed its tables.
        sqlalchemy.exc.SQLAlchemyError: One failed; the transaction must be rolled back.
    """
    if connection.dialect.name == "postgresql":
        # Gateways that start together wait for one another; the lock ends with the transaction. Large tables take long.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    config = Config()
    config.set_main_option("script_location", str(files("idc_gateway.sql") / "migrations"))
    config.attributes["connection"] = connection
    _check_known(config, connection)
    if _is_older_than_migrations(connection):
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")


def _is_older_than_migrations(connection: Connection) -> bool:
    is_versioned = MigrationContext.configure(connection).get_current_revision() is not None
    return not is_versioned and inspect(connection).has_table("classifications")


def _check_known(config: Config, connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseTooNew(
            f"the database has tables of a newer version (revision {current}, this program knows "
            f"{scripts.get_current_head()}): start that version again, or restore a backup from before the upgrade"
        )
