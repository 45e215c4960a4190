"""Sessions of the page: opened by a key or a user, ended in time."""

from collections.abc import Callable
from datetime import datetime, timedelta

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.accounts import Caller, SessionOwner
from idc_gateway.digests import digest_of, is_plausible, new_secret
from idc_gateway.errors import Unauthenticated
from idc_gateway.store_ports import Accounts


class BrowserSessions:
    """Knows who a session belongs to."""

    def __init__(self, accounts: Accounts, *, lifetime: timedelta, clock: Callable[[], datetime] = utc_now) -> None:
        self._accounts = accounts
        self._lifetime = lifetime
        self._clock = clock

    async def open(self, *, key_name: str | None = None, user_name: str | None = None) -> str:
        """Open a session for one of the two and return its token."""
        token, now = new_secret(), self._clock()
        await executors.writes(
            self._accounts.add_session,
            digest_of(token),
            key_name=key_name,
            user_name=user_name,
            now=now,
            expires_at=now + self._lifetime,
        )
        return token

    async def by_token(self, token: str) -> Caller:
        """Who opened this session.

        Raises:
            Unauthenticated: The session is unknown or over, or its key is.
        """
        owner = None
        if is_plausible(token):
            owner = await executors.reads(self._accounts.session, digest_of(token), self._clock())
        caller = self._caller(owner) if owner else None
        if caller is None:
            raise Unauthenticated("the session is over: sign in again")
        return caller

    async def end(self, token: str) -> None:
        """End a session, known or not."""
        await executors.writes(self._accounts.end_session, digest_of(token))

    def _caller(self, owner: SessionOwner) -> Caller | None:
        if owner.user is not None:
            return Caller(owner.user.name, is_browser=True, scopes=owner.user.role.scopes, is_user=True)
        key = owner.key
        if key is None or (key.expires_at is not None and key.expires_at <= self._clock()):
            return None
        return Caller(key.name, is_browser=True, scopes=key.scopes)
