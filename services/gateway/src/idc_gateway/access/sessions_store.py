"""Sessions of the page in the database."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from idc_gateway.access.accounts import Proof, SignInBy, StoredSession
from idc_gateway.access.accounts_store import as_key, as_user
from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import api_keys, links, sessions, users

MAX_FOR_EACH_OWNER: Final = 100
"""A program that signs in repeatedly ends its own oldest sessions; the table does not grow."""


class SessionsStore:
    """Sessions of the page; only the digest of each token is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        sha256: str,
        proof: Proof,
        now: datetime,
        expires_at: datetime,
        password_until: datetime | None,
        audit: AuditEvent,
    ) -> bool:
        """Store a session and delete expired ones; False where its proof is no longer valid."""
        is_key = proof.by is SignInBy.KEY
        owner = sessions.c.key_name if is_key else sessions.c.user_name
        row = {"sha256": sha256, owner.name: proof.name, "used_at": now}
        with self._database.write() as connection:
            head = lock_head(connection)
            if not _is_valid(connection, proof):
                return False
            newest = select(sessions.c.sha256).where(owner == proof.name).order_by(sessions.c.used_at.desc())
            kept = connection.execute(newest.limit(MAX_FOR_EACH_OWNER - 1)).scalars().all()
            too_many = (owner == proof.name) & sessions.c.sha256.not_in(kept)
            connection.execute(delete(sessions).where(or_(sessions.c.expires_at <= now, too_many)))
            connection.execute(insert(sessions).values(**row, expires_at=expires_at, password_until=password_until))
            append(connection, head, [audit])
        return True

    def find(self, sha256: str, now: datetime, idle: timedelta) -> StoredSession | None:
        """A session; None where it is unknown, expired, or was not used for `idle`."""
        query = select(sessions).where(
            sessions.c.sha256 == sha256, sessions.c.expires_at > now, sessions.c.used_at > now - idle
        )
        with self._database.read() as connection:
            session = connection.execute(query).first()
            if session is None:
                return None
            key = connection.execute(select(api_keys).where(api_keys.c.name == session.key_name)).first()
            user = connection.execute(select(users).where(users.c.name == session.user_name)).first()
        return StoredSession(
            as_key(key) if key else None, as_user(user) if user else None, session.used_at, session.password_until
        )

    def use(self, sha256: str, now: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(update(sessions).where(sessions.c.sha256 == sha256).values(used_at=now))

    def end(self, sha256: str, audit: AuditEvent) -> bool:
        """Delete a session; False where there is none."""
        with self._database.write() as connection:
            head = lock_head(connection)
            gone = delete(sessions).where(sessions.c.sha256 == sha256).returning(sessions.c.sha256)
            if connection.execute(gone).first() is None:
                return False
            append(connection, head, [audit])
        return True

    def end_all(self) -> None:
        """End every session and every one-time link, after a restore."""
        with self._database.write() as connection:
            connection.execute(delete(sessions))
            connection.execute(delete(links))


def _is_valid(connection: Connection, proof: Proof) -> bool:
    """Whether the key or password that was checked is still valid; the locked head keeps it so."""
    if proof.by is SignInBy.KEY:
        query = select(api_keys.c.name).where(api_keys.c.name == proof.name, api_keys.c.sha256 == proof.stored)
    else:
        query = select(users.c.name).where(users.c.name == proof.name, users.c.password_hash == proof.stored)
        if proof.user_since is not None:
            query = query.where(users.c.created_at == proof.user_since)
    return connection.execute(query).first() is not None
