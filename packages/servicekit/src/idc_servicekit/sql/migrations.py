"""Brings a database's tables up to date, by Alembic."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text


class UnknownRevision(Exception):
    """A newer version of the program has changed the tables; the text says so."""


@dataclass(frozen=True)
class Migrations:
    """The migrations of one service."""

    package: str
    """It holds Alembic's folder `migrations`, whose `env.py` takes the connection of the attribute `connection`."""
    lock_key: int
    """A number that nothing else in the database locks."""
    version_table: str = "alembic_version"
    """Of its own name where several services may use the same database."""
    before: Callable[[Connection, Config], None] = lambda _connection, _config: None
    """Called before the migrations, such as for tables that are older than all of them."""

    def run(self, connection: Connection) -> None:
        """Run what the database lacks, inside the caller's transaction.

        Raises:
            UnknownRevision: The tables are newer than this program.
            sqlalchemy.exc.SQLAlchemyError: A migration failed; the transaction must be rolled back.
        """
        if connection.dialect.name == "postgresql":
            # Services that start together wait for one another; the lock ends with the transaction. Large tables take
            # long.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": self.lock_key})
        config = Config()
        config.set_main_option("script_location", str(files(self.package) / "migrations"))
        config.attributes["connection"] = connection
        self._check_known(config, connection)
        self.before(connection, config)
        command.upgrade(config, "head")

    def _check_known(self, config: Config, connection: Connection) -> None:
        current = revision(connection, self.version_table)
        scripts = ScriptDirectory.from_config(config)
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise UnknownRevision(
                f"the database has tables of a newer version (revision {current}, this program knows "
                f"{scripts.get_current_head()}): start that version again, or restore a backup from before the upgrade"
            )


def revision(connection: Connection, version_table: str = "alembic_version") -> str | None:
    """The revision of a database's tables; None where no migration ran."""
    return MigrationContext.configure(connection, opts={"version_table": version_table}).get_current_revision()
