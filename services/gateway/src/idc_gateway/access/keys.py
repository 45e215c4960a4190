"""API keys: created, shown once, looked up by their digest, revoked."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import FIRST_KEY_NAME, FIRST_USER_NAME, GATEWAY, ApiKey, Caller, is_reserved
from idc_gateway.access.accounts_store import AccountsStore
from idc_gateway.access.digests import is_plausible, new_secret, secret_digest
from idc_gateway.access.scopes import Role, Scope
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import NameTaken, NotFound, Unauthenticated

logger = logging.getLogger(__name__)

KEY_PREFIX: Final = "idc_"
REMEMBERED_FOR: Final = timedelta(seconds=1)
"""A key that another gateway revokes is rejected here within this time; one that is revoked here, at once."""
MAX_REMEMBERED: Final = 1000


class Keyring:
    def __init__(
        self, accounts: AccountsStore, *, device: str = GATEWAY, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """`device` is reserved: the audit chain uses it for what the gateway does itself."""
        self._accounts = accounts
        self._device = device
        self._clock = clock
        self._remembered: dict[str, tuple[datetime, ApiKey]] = {}
        self._revocations = 0

    def set_first_key(self, secret: str) -> bool:
        """Store the first key, which replaces the one before and ends its sessions. Blocks.

        Returns whether the key is valid now; one that was revoked or replaced never is again.
        """
        digest, now = secret_digest(secret), self._clock()
        if self._accounts.key(digest) is not None:
            return True
        key = ApiKey(FIRST_KEY_NAME, Role.ADMIN.scopes, now)
        if not self._accounts.replace_key(key, digest, AuditEvent("key.created", GATEWAY, key.name, now)):
            logger.warning("the key in the first key's file was revoked and grants no access: put a new key there")
            return False
        self.forget()
        return True

    async def by_key(self, secret: str) -> Caller:
        """Who has this API key; raises Unauthenticated where it is unknown or expired."""
        sha256 = secret_digest(secret)
        return self._caller(await self._look_up(sha256) if is_plausible(secret) else None, sha256)

    def holder(self, sha256: str) -> Caller:
        """Who has the API key with this digest now; raises Unauthenticated where it has expired. Blocks."""
        return self._caller(self._accounts.key(sha256), sha256)

    def _caller(self, key: ApiKey | None, sha256: str) -> Caller:
        if key is None:
            raise Unauthenticated("this API key is not known here: `make api-key` prints the first one")
        if key.expires_at is not None and key.expires_at <= self._clock():
            raise Unauthenticated(f"the API key {key.name!r} has expired: ask an administrator for another")
        return Caller(key.name, is_browser=False, scopes=key.scopes, sha256=sha256)

    async def create(
        self, name: str, scopes: frozenset[Scope], lifetime: timedelta | None, actor: str, request_id: str
    ) -> tuple[ApiKey, str]:
        """Create a key; returns it with its secret, which cannot be read again. Raises NameTaken."""
        if is_reserved(name, device=self._device) or name.casefold() == FIRST_USER_NAME:
            raise NameTaken(f"the name {name!r} is reserved: choose another one")
        secret, now = new_secret(KEY_PREFIX), self._clock()
        key = ApiKey(name, scopes, now, now + lifetime if lifetime else None)
        details = {"scopes": sorted(scopes), "expires_at": key.expires_at.isoformat() if key.expires_at else None}
        event = AuditEvent("key.created", actor, name, now, request_id, details)
        if not await executors.writes(self._accounts.add_key, key, secret_digest(secret), event):
            raise NameTaken(f"an API key or user has the name {name!r}: choose another one, or revoke that key first")
        return key, secret

    async def all(self) -> list[ApiKey]:
        return await executors.reads(self._accounts.keys)

    async def revoke(self, name: str, actor: str, request_id: str) -> None:
        """Revoke a key permanently, and end the sessions that were opened with it. Raises NotFound."""
        event = AuditEvent("key.revoked", actor, name, self._clock(), request_id)
        if not await executors.writes(self._accounts.delete_key, name, event):
            raise NotFound(f"there is no API key {name!r}")
        self.forget()

    def forget(self) -> None:
        """Read every key from the database again, also those whose lookup is in progress."""
        self._revocations += 1
        self._remembered.clear()

    async def _look_up(self, sha256: str) -> ApiKey | None:
        now = self._clock()
        if (remembered := self._remembered.get(sha256)) and now - remembered[0] < REMEMBERED_FOR:
            return remembered[1]
        revocations = self._revocations
        key = await executors.reads(self._accounts.key, sha256)
        self._remembered.pop(sha256, None)
        # A key that was read before a revocation is not remembered after it.
        if key is not None and revocations == self._revocations:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[sha256] = (now, key)
        return key
