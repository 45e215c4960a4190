"""API keys: made, shown once, looked up by their digest, revoked."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.accounts import ApiKey, Caller
from idc_gateway.audit import AuditEvent
from idc_gateway.digests import digest_of, is_plausible, new_secret
from idc_gateway.errors import NameTaken, NotFound, Unauthenticated
from idc_gateway.scopes import Role, Scope
from idc_gateway.store_ports import Accounts

FIRST_KEY_NAME: Final = "first"
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
        self._sha256 = None if path is None else digest_of(_secret_in(path))

    def fits(self, secret: str) -> bool:
        """Whether this is the key."""
        self._read_again()
        # Digests are compared: how far two of them agree tells nothing of the key.
        return self._sha256 is not None and compare_digest(digest_of(secret), self._sha256)

    def _read_again(self) -> None:
        version = file_version(self._path)
        if self._path is None or version is None or version == self._version:
            return
        # A file that is being exchanged, or holds no key, changes nothing.
        with suppress(OSError, ValueError):
            self._sha256 = digest_of(_secret_in(self._path))
            self._version = version


class Keyring:
    """Knows the keys."""

    def __init__(self, accounts: Accounts, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._accounts = accounts
        self._clock = clock
        self._remembered: dict[str, tuple[datetime, ApiKey]] = {}

    def take_first_key(self, path: Path) -> None:
        """Take in the first key from its file; another key in the file replaces the one before, and ends its sessions.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file holds no key of a decent length.
        """
        secret = _secret_in(path)
        known = self._accounts.key(digest_of(secret))
        if known is None or known.name != FIRST_KEY_NAME:
            now = self._clock()
            key = ApiKey(FIRST_KEY_NAME, Role.ADMIN.scopes, now)
            self._accounts.replace_key(key, digest_of(secret), AuditEvent("key.created", "gateway", key.name, now))

    async def by_key(self, secret: str) -> Caller:
        """Who has this API key.

        Raises:
            Unauthenticated: Nobody, or the key's time is over.
        """
        key = await self._look_up(digest_of(secret)) if is_plausible(secret) else None
        if key is None:
            raise Unauthenticated("this API key is not known here: `make api-key` prints the first one")
        if key.expires_at is not None and key.expires_at <= self._clock():
            raise Unauthenticated(f"the API key {key.name!r} has expired: ask an administrator for another")
        return Caller(key.name, is_browser=False, scopes=key.scopes)

    async def create(
        self, name: str, scopes: frozenset[Scope], lifetime: timedelta | None, actor: str, request_id: str
    ) -> tuple[ApiKey, str]:
        """Make a key; returns it with its secret, which is not to be had again.

        Raises:
            NameTaken: There is a key or user of this name.
        """
        secret, now = new_secret(KEY_PREFIX), self._clock()
        key = ApiKey(name, scopes, now, now + lifetime if lifetime else None)
        details = {"scopes": sorted(scopes), "expires_at": key.expires_at.isoformat() if key.expires_at else None}
        event = AuditEvent("key.created", actor, name, now, request_id, details)
        if not await executors.writes(self._accounts.add_key, key, digest_of(secret), event):
            raise NameTaken(f"an API key or user has the name {name!r}: choose another one, or revoke that key first")
        return key, secret

    async def all(self) -> list[ApiKey]:
        """Every key, by name."""
        return await executors.reads(self._accounts.keys)

    async def revoke(self, name: str, actor: str, request_id: str) -> None:
        """Delete a key and the sessions that were opened with it.

        Raises:
            NotFound: There is no such key.
        """
        event = AuditEvent("key.revoked", actor, name, self._clock(), request_id)
        if not await executors.writes(self._accounts.delete_key, name, event):
            raise NotFound(f"there is no API key {name!r}")
        self._remembered.clear()

    async def _look_up(self, sha256: str) -> ApiKey | None:
        now = self._clock()
        if (remembered := self._remembered.get(sha256)) and now - remembered[0] < REMEMBERED_FOR:
            return remembered[1]
        key = await executors.reads(self._accounts.key, sha256)
        self._remembered.pop(sha256, None)
        if key is not None:
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
