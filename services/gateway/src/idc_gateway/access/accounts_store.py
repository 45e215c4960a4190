"""API keys, users and one-time links."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Delete, Row, Table, delete, exists, func, insert, select, update

from idc_gateway.access.accounts import ApiKey, User
from idc_gateway.access.scopes import Role, Scope
from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import LastAdministrator
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import api_keys, links, receipts, revoked_keys, sessions, users
from idc_gateway.sql.tables import audit as records


class AccountsStore:
    """API keys, users and their one-time links; of every secret only the digest is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace_key(self, key: ApiKey, sha256: str, audit: AuditEvent) -> bool:
        """Store a key and revoke the one that has its name; False where its digest was revoked."""
        with self._database.write() as connection:
            head = lock_head(connection)
            if connection.execute(select(revoked_keys).where(revoked_keys.c.sha256 == sha256)).first() is not None:
                return False
            is_replaced = _revoke(connection, key.name, key.created_at)
            connection.execute(insert(api_keys).values(_key_row(key, sha256)))
            revoked = AuditEvent("key.revoked", audit.actor, key.name, audit.at, details={"replaced": True})
            append(connection, head, [revoked, audit] if is_replaced else [audit])
        return True

    def add_key(self, key: ApiKey, sha256: str, audit: AuditEvent) -> bool:
        """Store a key; False where a key or user has its name, by which the audit chain tells callers apart."""
        return self._add(api_keys, _key_row(key, sha256), users, audit)

    def key(self, sha256: str) -> ApiKey | None:
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.sha256 == sha256)).first()
        return None if row is None else as_key(row)

    def keys(self) -> list[ApiKey]:
        with self._database.read() as connection:
            return [as_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.name))]

    def delete_key(self, name: str, audit: AuditEvent) -> bool:
        """Revoke a key permanently with its sessions and receipts; False if there is none."""
        with self._database.write() as connection:
            head = lock_head(connection)
            if not _revoke(connection, name, audit.at):
                return False
            connection.execute(_receipts_of(name))
            append(connection, head, [audit])
        return True

    def add_user(self, user: User, audit: AuditEvent) -> bool:
        """Store a user; False where a user or key has this name."""
        row = {"name": user.name, "role": user.role.value, "created_at": user.created_at}
        return self._add(users, row, api_keys, audit)

    def user(self, name: str) -> User | None:
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        return None if row is None else as_user(row)

    def users(self) -> list[User]:
        with self._database.read() as connection:
            return [as_user(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def set_role(self, name: str, role: Role, audit: AuditEvent) -> bool:
        """Give a user another role; False where there is none. Raises LastAdministrator and changes nothing."""
        change = update(users).where(users.c.name == name).values(role=role.value)
        return self._changed(change.returning(users.c.name), audit, needs_administrator=True)

    def set_password(self, name: str, password_hash: str, audit: AuditEvent, session_sha256: str | None = None) -> bool:
        """Store a password's hash and end the user's sessions and links.

        False, with nothing changed, where there is no such user or the session with this digest has ended.
        """
        change = update(users).where(users.c.name == name).values(password_hash=password_hash)
        if session_sha256 is not None:
            is_own = (sessions.c.user_name == name) & (sessions.c.sha256 == session_sha256)
            change = change.where(exists().where(is_own))
        over = delete(sessions).where(sessions.c.user_name == name)
        unused = delete(links).where(links.c.user_name == name)
        return self._changed(change.returning(users.c.name), audit, over, unused)

    def renew_hash(self, name: str, before: str, password_hash: str) -> bool:
        """Store the same password's hash with another cost; False where the user has another password now."""
        change = update(users).where(users.c.name == name, users.c.password_hash == before)
        with self._database.write() as connection:
            changed = connection.execute(change.values(password_hash=password_hash).returning(users.c.name)).first()
        return changed is not None

    def delete_user(self, name: str, audit: AuditEvent) -> bool:
        """Delete a user, with all that is theirs; False where there is none. Raises LastAdministrator."""
        gone = delete(users).where(users.c.name == name).returning(users.c.name)
        return self._changed(gone, audit, _receipts_of(name), needs_administrator=True)

    def was_removed(self, name: str) -> bool:
        """Whether a user of this name was removed before."""
        query = select(records.c.sequence).where(records.c.action == "user.removed", records.c.subject == name)
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def put_link(self, sha256: str, user_name: str, expires_at: datetime, audit: AuditEvent) -> None:
        """Store the digest of a one-time link, which replaces the user's earlier ones."""
        with self._database.write() as connection:
            head = lock_head(connection)
            connection.execute(delete(links).where(links.c.user_name == user_name))
            connection.execute(insert(links).values(user_name=user_name, sha256=sha256, expires_at=expires_at))
            append(connection, head, [audit])

    def take_link(self, sha256: str, now: datetime, request_id: str) -> User | None:
        """Use a link; None where it is unknown or expired."""
        is_link = links.c.sha256 == sha256
        # Anybody may try a link: only a known one makes other writers wait.
        with self._database.read() as connection:
            if connection.execute(select(links).where(is_link)).first() is None:
                return None
        with self._database.write() as connection:
            head = lock_head(connection)
            used = delete(links).where(is_link).returning(links.c.user_name, links.c.expires_at)
            link = connection.execute(used).first()
            if link is None or link.expires_at <= now:
                return None
            row = connection.execute(select(users).where(users.c.name == link.user_name)).one()
            append(connection, head, [AuditEvent("user.link-used", row.name, row.name, now, request_id)])
        return as_user(row)

    def _add(self, table: Table, row: dict[str, Any], others: Table, audit: AuditEvent) -> bool:
        # Writers run one after the other, so that no name is taken between the check and the insert.
        with self._database.write() as connection:
            head = lock_head(connection)
            for named in (table, others):
                # Names that only differ in case look like one person in the audit chain.
                is_same = func.lower(named.c.name) == row["name"].lower()
                if connection.execute(select(named.c.name).where(is_same)).first() is not None:
                    return False
            connection.execute(insert(table).values(row))
            append(connection, head, [audit])
        return True

    def _changed(self, change: Any, audit: AuditEvent, *more: Delete, needs_administrator: bool = False) -> bool:
        """Run a statement that returns what it changed, then the others; False where it changed nothing."""
        with self._database.write() as connection:
            head = lock_head(connection)
            must_keep_one = needs_administrator and _has_administrator(connection, audit.at)
            if connection.execute(change).first() is None:
                return False
            for statement in more:
                connection.execute(statement)
            if must_keep_one and not _has_administrator(connection, audit.at):
                raise LastAdministrator(f"{audit.subject!r} is the last administrator: create another one first")
            append(connection, head, [audit])
        return True


def _revoke(connection: Connection, name: str, at: datetime) -> bool:
    """Delete a key with its sessions and remember its digest; False where there is none."""
    gone = connection.execute(delete(api_keys).where(api_keys.c.name == name).returning(api_keys.c.sha256)).first()
    if gone is None:
        return False
    connection.execute(insert(revoked_keys).values(sha256=gone.sha256, revoked_at=at))
    return True


def _receipts_of(caller: str) -> Delete:
    """Delete a caller's receipts: the next owner of the name is somebody else."""
    return delete(receipts).where(receipts.c.caller == caller)


def _has_administrator(connection: Connection, now: datetime) -> bool:
    """Whether a user who can sign in, or a key, may create users and keys."""
    by_user = select(users.c.name).where(users.c.role == Role.ADMIN.value, users.c.password_hash.is_not(None))
    if connection.execute(by_user.limit(1)).first() is not None:
        return True
    keys = (as_key(row) for row in connection.execute(select(api_keys)))
    return any(Scope.ADMIN in key.scopes and (key.expires_at is None or key.expires_at > now) for key in keys)


def _key_row(key: ApiKey, sha256: str) -> dict[str, Any]:
    return {
        "name": key.name,
        "sha256": sha256,
        "created_at": key.created_at,
        "scopes": ",".join(sorted(key.scopes)),
        "expires_at": key.expires_at,
    }


def as_key(row: Row[Any]) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split(",") if scope)
    return ApiKey(row.name, scopes, row.created_at, row.expires_at)


def as_user(row: Row[Any]) -> User:
    return User(row.name, Role(row.role), row.created_at, row.password_hash)
