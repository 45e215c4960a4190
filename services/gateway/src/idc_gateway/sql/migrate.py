"""The gateway's migrations."""

from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from idc_servicekit.sql.migrations import Migrations, revision

_FIRST: Final = "0001"
_LOCK_KEY: Final = 0x1DC


def _stamp_first_tables(connection: Connection, config: Config) -> None:
    """The first version made its tables without migrations."""
    if revision(connection) is None and inspect(connection).has_table("classifications"):
        command.stamp(config, _FIRST)


MIGRATIONS: Final = Migrations("idc_gateway.sql", _LOCK_KEY, before=_stamp_first_tables)
