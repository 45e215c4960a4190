"""API keys: made, shown once, looked up by their digest, revoked."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
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
MIN_FILE_KEY_LENGTH: Final = 32
REMEMBERED_FOR: Final = timedelta(seconds=1)
"""A key that another gateway revokes is refused here after so long; one that is revoked here, at once."""
MAX_REMEMBERED: Final = 1000


class FileKey:
    """A key that is in no database: it opens one door alone. Another key in the file counts at once."""

    def __init__(self, path: Path | None) -> None:
        """Read the key; without a file no key fits.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file holds no key of a decent length.
        """
        self._path = path
        self._version = file_version(path)
        self._sha256 = None if path is None else secret_digest(_secret_in(path))

    def fits(self, secret: str) -> bool:
        """Whether this is the key."""
        self._read_again()
        # Digests are compared: how far two of them agree tells nothing of the key.
        return self._sha256 is not None and compare_digest(secret_digest(secret), self._sha256)

    def _read_again(self) -> None:
        version = file_version(self._path)
        if self._path is None or version is None or version == self._version:
            return
        # A file that is being exchanged, or holds no key, changes nothing.
        with suppress(OSError, ValueError):
            self._sha256 = secret_digest(_secret_in(self._path))
            self._version = version


class Keyring:
    """Knows the keys."""

    def __init__(
        self, accounts: AccountsStore, *, device: str = GATEWAY, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Make the ring; no key gets the name of `device`, which the audit chain names for what the gateway does."""
        self._accounts = accounts
        self._device = device
        self._clock = clock
        self._remembered: dict[str, tuple[datetime, ApiKey]] = {}
        self._revocations = 0

    def take_first_key(self, path: Path) -> bool:
        """Take in the first key from its file; another key in the file replaces the one before, and ends its sessions.

        Returns:
            Whether the key in the file is one that counts; one that was revoked or replaced is not taken in again.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file holds no key of a decent length.
        """
        digest, now = secret_digest(_secret_in(path)), self._clock()
        if self._accounts.key(digest) is not None:
            return True
        key = ApiKey(FIRST_KEY_NAME, Role.ADMIN.scopes, now)
        if not self._accounts.replace_key(key, digest, AuditEvent("key.created", GATEWAY, key.name, now)):
            logger.warning("the key in %s was revoked and opens nothing: put a new key there to have a first key", path)
            return False
        self.forget()
        return True

    async def by_key(self, secret: str) -> Caller:
        """Who has this API key.

        Raises:
            Unauthenticated: Nobody, or the key's time is over.
        """
        sha256 = secret_digest(secret)
        return self._caller(await self._look_up(sha256) if is_plausible(secret) else None, sha256)

    def holder(self, sha256: str) -> Caller:
        """Who has the API key with this digest now. Blocks.

        Raises:
            Unauthenticated: Nobody, or the key's time is over.
        """
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
        """Make a key; returns it with its secret, which is not to be had again.

        Raises:
            NameTaken: There is a key or user of this name.
        """
        if is_reserved(name, device=self._device) or name.casefold() == FIRST_USER_NAME:
            raise NameTaken(f"the name {name!r} has a meaning of its own: choose another one")
        secret, now = new_secret(KEY_PREFIX), self._clock()
        key = ApiKey(name, scopes, now, now + lifetime if lifetime else None)
        details = {"scopes": sorted(scopes), "expires_at": key.expires_at.isoformat() if key.expires_at else None}
        event = AuditEvent("key.created", actor, name, now, request_id, details)
        if not await executors.writes(self._accounts.add_key, key, secret_digest(secret), event):
            raise NameTaken(f"an API key or user has the name {name!r}: choose another one, or revoke that key first")
        return key, secret

    async def all(self) -> list[ApiKey]:
        """Every key, by name."""
        return await executors.reads(self._accounts.keys)

    async def revoke(self, name: str, actor: str, request_id: str) -> None:
        """Revoke a key for good, and end the sessions that were opened with it.

        Raises:
            NotFound: There is no such key.
        """
        event = AuditEvent("key.revoked", actor, name, self._clock(), request_id)
        if not await executors.writes(self._accounts.delete_key, name, event):
            raise NotFound(f"there is no API key {name!r}")
        self.forget()

    def forget(self) -> None:
        """Look each key up again; what is being looked up at this moment is not remembered either."""
        self._revocations += 1
        self._remembered.clear()

    async def _look_up(self, sha256: str) -> ApiKey | None:
        now = self._clock()
        if (remembered := self._remembered.get(sha256)) and now - remembered[0] < REMEMBERED_FOR:
            return remembered[1]
        revocations = self._revocations
        key = await executors.reads(self._accounts.key, sha256)
        self._remembered.pop(sha256, None)
        # What was read before a revocation is not remembered after it.
        if key is not None and revocations == self._revocations:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[sha256] = (now, key)
        return key


def file_version(path: Path | None) -> tuple[int, int, int] | None:
    """What changes with a file's content; None where there is no file."""
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size) if status else None


def _secret_in(path: Path) -> str:
    secret = path.read_text().strip()
    if len(secret) < MIN_FILE_KEY_LENGTH:
        raise ValueError(f"{path} holds no API key: it needs {MIN_FILE_KEY_LENGTH} characters at least")
    return secret
