"""API keys and browser sessions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select

from idc_gateway.adapters.sql.audit import append, lock_head
from idc_gateway.adapters.sql.database import Database
from idc_gateway.adapters.sql.tables import api_keys, sessions
from idc_gateway.audit import AuditEvent


class SqlAccounts:
    """See `Accounts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_key(self, name: str, key_sha256: str, at: datetime, audit: Sequence[AuditEvent]) -> None:
        """Store the digest of an API key; a key that had this name, and its sessions, are gone."""
        with self._database.write() as connection:
            head = lock_head(connection)
            connection.execute(delete(api_keys).where(api_keys.c.name == name))
            connection.execute(insert(api_keys).values(name=name, sha256=key_sha256, created_at=at))
            append(connection, head, audit)

    def key_name(self, key_sha256: str) -> str | None:
        """The name of the key with this digest."""
        with self._database.read() as connection:
            return connection.execute(select(api_keys.c.name).where(api_keys.c.sha256 == key_sha256)).scalar()

    def add_session(self, token_sha256: str, key_name: str, *, now: datetime, expires_at: datetime) -> None:
        """Store the digest of a session's token, and forget the sessions that are over."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(sha256=token_sha256, key_name=key_name, expires_at=expires_at))

    def session_key_name(self, token_sha256: str, now: datetime) -> str | None:
        """The name of the key that a session was opened with; None where it is unknown or over."""
        query = select(sessions.c.key_name).where(sessions.c.sha256 == token_sha256, sessions.c.expires_at > now)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def end_session(self, token_sha256: str) -> None:
        """Forget a session."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.sha256 == token_sha256))
