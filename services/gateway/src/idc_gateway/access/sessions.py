"""SessionsStore of the page: opened by a key or a user, ended in time or when nobody uses them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import Caller, NewSession, Proof, SignInBy, StoredSession
from idc_gateway.access.digests import is_plausible, new_secret, secret_digest
from idc_gateway.access.sessions_store import SessionsStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import Unauthenticated

NOTED_EVERY: Final = timedelta(minutes=1)
"""Use is written down this often at most: the session ends up to so much earlier than its idle time says."""
PASSWORD_WITHOUT_OLD: Final = timedelta(minutes=15)
"""After a one-time link opened the session: long enough to choose a password, too short for a PC that is left alone."""

_OVER: Final = "the session is over: sign in again"


class BrowserSessions:
    """Knows who a session belongs to."""

    def __init__(
        self,
        sessions: SessionsStore,
        *,
        lifetime: timedelta,
        idle: timedelta = timedelta(minutes=30),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Make it.

        Args:
            sessions: Where they are stored.
            lifetime: After so long a session ends, used or not.
            idle: After so long without use it ends.
            clock: The time.
        """
        self._sessions = sessions
        self._lifetime = lifetime
        self._idle = idle
        self._noted_every = min(NOTED_EVERY, idle / 4)
        self._clock = clock

    async def open(self, proof: Proof, request_id: str, **details: Any) -> str:
        """Open a session and return its token; the audit chain gets `details`.

        Raises:
            Unauthenticated: The key or password was revoked or changed since it was shown.
        """
        token, now = new_secret(), self._clock()
        session = NewSession(
            secret_digest(token),
            proof,
            opened_at=now,
            expires_at=now + self._lifetime,
            password_until=now + PASSWORD_WITHOUT_OLD if proof.by is SignInBy.LINK else None,
        )
        event = AuditEvent(
            "sign-in.succeeded", proof.name, proof.name, now, request_id, {"by": proof.by.value, **details}
        )
        if not await executors.writes(self._sessions.add, session, event):
            raise Unauthenticated("what you signed in with was revoked or changed at this moment: sign in again")
        return token

    async def by_token(self, token: str, *, is_use: bool = True) -> Caller:
        """Who opened this session; `is_use` says whether the request keeps the session from ending idle.

        Raises:
            Unauthenticated: The session is unknown or over, or its key is.
        """
        if not is_plausible(token):
            raise Unauthenticated(_OVER)
        sha256 = secret_digest(token)
        session, caller = await executors.reads(self._look, sha256)
        now = self._clock()
        if is_use and now - session.used_at >= self._noted_every:
            await executors.writes(self._sessions.use, sha256, now)
        return caller

    def holder(self, sha256: str) -> Caller:
        """Whose session has a token with this digest now; to look is no use of the session. Blocks.

        Raises:
            Unauthenticated: The session is over, or its key is.
        """
        return self._look(sha256)[1]

    def _look(self, sha256: str) -> tuple[StoredSession, Caller]:
        now = self._clock()
        session = self._sessions.find(sha256, now, self._idle)
        caller = self._caller(session, sha256, now) if session else None
        if session is None or caller is None:
            raise Unauthenticated(_OVER)
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
