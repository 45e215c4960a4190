"""Sessions of the page: opened by a key or a user, ended by time or when idle."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import Caller, Proof, SignInBy, StoredSession
from idc_gateway.access.digests import is_plausible, new_secret, secret_digest
from idc_gateway.access.sessions_store import SessionsStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import SessionEnded, Unauthenticated

NOTED_EVERY: Final = timedelta(minutes=1)
"""The longest interval between stored uses: a session may end this much before its idle time."""
PASSWORD_WITHOUT_OLD: Final = timedelta(minutes=15)
"""After a one-time link opened the session: enough to choose a password, too short for an unattended PC."""

_ENDED: Final = "the session has ended: sign in again"


class BrowserSessions:
    def __init__(
        self,
        sessions: SessionsStore,
        *,
        lifetime: timedelta,
        idle: timedelta = timedelta(minutes=30),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """A session ends `lifetime` after it was opened, or earlier when it was not used for `idle`."""
        self._sessions = sessions
        self._lifetime = lifetime
        self._idle = idle
        self._noted_every = min(NOTED_EVERY, idle / 4)
        self._clock = clock

    async def open(self, proof: Proof, request_id: str, **details: Any) -> str:
        """Open a session and return its token; the audit chain gets `details`.

        Raises Unauthenticated where the key or password was revoked or changed since it was checked.
        """
        token, now = new_secret(), self._clock()
        password_until = now + PASSWORD_WITHOUT_OLD if proof.by is SignInBy.LINK else None
        event = AuditEvent(
            "sign-in.succeeded", proof.name, proof.name, now, request_id, {"by": proof.by.value, **details}
        )
        sha256, expires_at = secret_digest(token), now + self._lifetime
        if not await executors.writes(self._sessions.add, sha256, proof, now, expires_at, password_until, event):
            raise Unauthenticated("your key, link or password was just revoked or changed: sign in again")
        return token

    async def by_token(self, token: str, *, is_use: bool = True) -> Caller:
        """Who opened this session; `is_use` says whether the request resets the idle time.

        Raises Unauthenticated where the session, or its key, is unknown or has ended.
        """
        if not is_plausible(token):
            raise SessionEnded(_ENDED)
        sha256 = secret_digest(token)
        session, caller = await executors.reads(self._find, sha256)
        now = self._clock()
        if is_use and now - session.used_at >= self._noted_every:
            await executors.writes(self._sessions.use, sha256, now)
        return caller

    def holder(self, sha256: str) -> Caller:
        """Who opened the session with this token's digest; the idle time continues. Blocks. Raises Unauthenticated."""
        return self._find(sha256)[1]

    def _find(self, sha256: str) -> tuple[StoredSession, Caller]:
        now = self._clock()
        session = self._sessions.find(sha256, now, self._idle)
        caller = self._caller(session, sha256, now) if session else None
        if session is None or caller is None:
            raise SessionEnded(_ENDED)
        return session, caller

    async def end(self, sha256: str, actor: str, request_id: str) -> None:
        """End the session with this digest, known or not."""
        event = AuditEvent("sign-out.succeeded", actor, actor, self._clock(), request_id)
        await executors.writes(self._sessions.end, sha256, event)

    @staticmethod
    def _caller(session: StoredSession, sha256: str, now: datetime) -> Caller | None:
        user, key = session.user, session.key
        if user is not None:
            is_new = session.password_until is not None and now < session.password_until
            return Caller(
                user.name,
                is_browser=True,
                scopes=user.role.scopes,
                is_user=True,
                needs_old_password=not is_new,
                sha256=sha256,
            )
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            return None
        return Caller(key.name, is_browser=True, scopes=key.scopes, sha256=sha256)
