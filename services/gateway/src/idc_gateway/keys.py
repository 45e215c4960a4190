"""API keys and browser sessions.

Keys and tokens have 256 random bits, so that a plain SHA-256 digest is enough to store: there is no password to guess.
A digest is looked up whole; how long that takes tells nothing of the key.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from idc_contracts import utc_now
from idc_gateway.audit import AuditEvent
from idc_gateway.errors import Unauthenticated
from idc_gateway.scopes import Scope
from idc_gateway.store_ports import Accounts

FIRST_KEY_NAME = "first"
MAX_SECRET_LENGTH = 256
ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Caller:
    """Who sends a request."""

    name: str
    """Of the key or user."""
    is_browser: bool
    scopes: frozenset[Scope]


class Keyring:
    """Tells who a key or a session belongs to."""

    def __init__(
        self, accounts: Accounts, *, session_lifetime: timedelta, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._accounts = accounts
        self._session_lifetime = session_lifetime
        self._clock = clock

    def take_first_key(self, path: Path) -> None:
        """Take in the first key from its file; another key in the file replaces the one before, and ends its sessions.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file holds no key of a decent length.
        """
        key = path.read_text().strip()
        if len(key) < 32:
            raise ValueError(f"{path} holds no API key: it needs 32 characters at least")
        if self._accounts.key_name(_digest(key)) != FIRST_KEY_NAME:
            now = self._clock()
            event = AuditEvent("key.created", "gateway", FIRST_KEY_NAME, now)
            self._accounts.put_key(FIRST_KEY_NAME, _digest(key), now, [event])

    async def by_key(self, key: str) -> Caller:
        """Who has this API key.

        Raises:
            Unauthenticated: Nobody.
        """
        name = (
            await asyncio.to_thread(self._accounts.key_name, _digest(key))
            if 0 < len(key) <= MAX_SECRET_LENGTH
            else None
        )
        if name is None:
            raise Unauthenticated("this API key is not known here: `make api-key` prints the first one")
        return Caller(name, is_browser=False, scopes=ALL_SCOPES)

    async def by_session(self, token: str) -> Caller:
        """Who opened this session.

        Raises:
            Unauthenticated: The session is unknown or over.
        """
        name = None
        if 0 < len(token) <= MAX_SECRET_LENGTH:
            name = await asyncio.to_thread(self._accounts.session_key_name, _digest(token), self._clock())
        if name is None:
            raise Unauthenticated("the session is over: sign in with an API key")
        return Caller(name, is_browser=True, scopes=ALL_SCOPES)

    async def open_session(self, key: str) -> str:
        """Open a browser session and return its token.

        Raises:
            Unauthenticated: The key is not known.
        """
        caller = await self.by_key(key)
        token, now = secrets.token_urlsafe(32), self._clock()
        await asyncio.to_thread(
            self._accounts.add_session,
            _digest(token),
            caller.name,
            now=now,
            expires_at=now + self._session_lifetime,
        )
        return token

    async def end_session(self, token: str) -> None:
        """End a session, known or not."""
        await asyncio.to_thread(self._accounts.end_session, _digest(token))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
