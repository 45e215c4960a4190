"""API keys, users, one-time links and browser sessions."""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Insert, Row, Table, Update, delete, insert, select, update

from idc_gateway.accounts import ApiKey, SessionOwner, User
from idc_gateway.adapters.sql.audit import append, lock_head
from idc_gateway.adapters.sql.database import Database
from idc_gateway.adapters.sql.tables import api_keys, links, sessions, users
from idc_gateway.audit import AuditEvent
from idc_gateway.scopes import Role, Scope


class SqlAccounts:
    """See `Accounts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace_key(self, key: ApiKey, sha256: str, audit: AuditEvent) -> None:
        """Store a key; one that had its name, and that one's sessions, are gone."""
        with self._database.write() as connection:
            head = lock_head(connection)
            connection.execute(delete(api_keys).where(api_keys.c.name == key.name))
            connection.execute(insert(api_keys).values(_key_row(key, sha256)))
            append(connection, head, [audit])

    def add_key(self, key: ApiKey, sha256: str, audit: AuditEvent) -> bool:
        """Store a key; False where a key or user has its name."""
        return self._add(api_keys, _key_row(key, sha256), users, audit)

    def key(self, sha256: str) -> ApiKey | None:
        """The key with this digest; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.sha256 == sha256)).first()
        return None if row is None else _key(row)

    def keys(self) -> list[ApiKey]:
        """Every key, by name."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.name))]

    def delete_key(self, name: str, audit: AuditEvent) -> bool:
        """Delete a key and its sessions; False where there is none."""
        return self._changed(delete(api_keys).where(api_keys.c.name == name).returning(api_keys.c.name), audit)

    def add_user(self, user: User, audit: AuditEvent) -> bool:
        """Store a user; False where a user or key has this name."""
        row = {"name": user.name, "role": user.role.value, "created_at": user.created_at}
        return self._add(users, row, api_keys, audit)

    def user(self, name: str) -> User | None:
        """A user; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        return None if row is None else _user(row)

    def users(self) -> list[User]:
        """Every user, by name."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def set_role(self, name: str, role: Role, audit: AuditEvent) -> bool:
        """Give a user another role; False where there is none."""
        change = update(users).where(users.c.name == name).values(role=role.value)
        return self._changed(change.returning(users.c.name), audit)

    def set_password(self, name: str, password_hash: str, audit: AuditEvent) -> bool:
        """Store a password's hash and end the user's sessions; False where there is no such user."""
        change = update(users).where(users.c.name == name).values(password_hash=password_hash)
        over = delete(sessions).where(sessions.c.user_name == name)
        return self._changed(change.returning(users.c.name), audit, over)

    def delete_user(self, name: str, audit: AuditEvent) -> bool:
        """Delete a user, their links and sessions; False where there is none."""
        return self._changed(delete(users).where(users.c.name == name).returning(users.c.name), audit)

    def put_link(self, sha256: str, user_name: str, expires_at: datetime, audit: AuditEvent) -> None:
        """Store the digest of a one-time link; the user's earlier ones are gone."""
        with self._database.write() as connection:
            head = lock_head(connection)
            connection.execute(delete(links).where(links.c.user_name == user_name))
            connection.execute(insert(links).values(user_name=user_name, sha256=sha256, expires_at=expires_at))
            append(connection, head, [audit])

    def take_link(self, sha256: str, now: datetime, request_id: str) -> User | None:
        """Use a link up; None where it is unknown or over."""
        with self._database.write() as connection:
            head = lock_head(connection)
            used = delete(links).where(links.c.sha256 == sha256).returning(links.c.user_name, links.c.expires_at)
            link = connection.execute(used).first()
            if link is None or link.expires_at <= now:
                return None
            row = connection.execute(select(users).where(users.c.name == link.user_name)).one()
            append(connection, head, [AuditEvent("user.link-used", row.name, row.name, now, request_id)])
        return _user(row)

    def add_session(
        self, sha256: str, *, key_name: str | None, user_name: str | None, now: datetime, expires_at: datetime
    ) -> None:
        """Store the digest of a session's token, and forget the sessions that are over."""
        row = {"sha256": sha256, "key_name": key_name, "user_name": user_name, "expires_at": expires_at}
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(row))

    def session(self, sha256: str, now: datetime) -> SessionOwner | None:
        """Whose session it is; None where it is unknown or over."""
        query = select(sessions).where(sessions.c.sha256 == sha256, sessions.c.expires_at > now)
        with self._database.read() as connection:
            session = connection.execute(query).first()
            if session is None:
                return None
            key = connection.execute(select(api_keys).where(api_keys.c.name == session.key_name)).first()
            user = connection.execute(select(users).where(users.c.name == session.user_name)).first()
        return SessionOwner(_key(key) if key else None, _user(user) if user else None)

    def end_session(self, sha256: str) -> None:
        """Forget a session."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.sha256 == sha256))

    def _add(self, table: Table, row: dict[str, Any], others: Table, audit: AuditEvent) -> bool:
        # Writers come one after the other, so that no name is taken between the question and the answer to it.
        with self._database.write() as connection:
            head = lock_head(connection)
            for named in (table, others):
                if connection.execute(select(named.c.name).where(named.c.name == row["name"])).first() is not None:
                    return False
            connection.execute(insert(table).values(row))
            append(connection, head, [audit])
        return True

    def _changed(self, change: Any, audit: AuditEvent, *more: Insert | Update | Delete) -> bool:
        """Run a statement that returns what it changed, and what belongs to it; False where it changed nothing."""
        with self._database.write() as connection:
            head = lock_head(connection)
            if connection.execute(change).first() is None:
                return False
            for statement in more:
                connection.execute(statement)
            append(connection, head, [audit])
        return True


def _key_row(key: ApiKey, sha256: str) -> dict[str, Any]:
    return {
        "name": key.name,
        "sha256": sha256,
        "created_at": key.created_at,
        "scopes": ",".join(sorted(key.scopes)),
        "expires_at": key.expires_at,
    }


def _key(row: Row[Any]) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split(",") if scope)
    return ApiKey(row.name, scopes, row.created_at, row.expires_at)


def _user(row: Row[Any]) -> User:
    return User(row.name, Role(row.role), row.created_at, row.password_hash)
