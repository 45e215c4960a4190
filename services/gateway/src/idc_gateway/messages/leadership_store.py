"""Leadership among gateways by a session lock of PostgreSQL (documentation, 13.3.5 "Advisory Locks")."""

import logging
from threading import Lock
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from idc_gateway.sql.database import Database

logger = logging.getLogger(__name__)

OUTBOX_KEY: Final = 0x1DC_0B0
"""The lock's number; nothing else in the database may lock it."""


class PostgresLeadership:
    """See `Leadership`. The server frees the lock where this process or its connection ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._lock = Lock()

    def hold(self) -> bool:
        with self._lock, self._database.translated_errors():
            if self._connection is not None and self._is_alive(self._connection):
                return True
            connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": OUTBOX_KEY}).scalar():
                logger.info("this gateway publishes for all gateways of this database")
                self._connection = connection
                return True
            connection.close()
        return False

    def release(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            # Invalidated, the connection is closed instead of returning to the pool with its lock.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _is_alive(self, connection: Connection) -> bool:
        try:
            connection.execute(text("SELECT 1"))
        except SQLAlchemyError as exc:
            logger.warning("the connection that held the publishing lock is gone: %s", str(exc).splitlines()[0])
            self._drop()
            return False
        return True
