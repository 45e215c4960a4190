"""Signing in at the page: who proves what, how guessing is slowed down, and which failures are recorded."""

import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from secrets import token_bytes, token_urlsafe
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import GATEWAY, Caller, Proof, SignInBy
from idc_gateway.access.keys import Keyring
from idc_gateway.access.throttle import FAILURES_WINDOW_S, Buckets, SignInThrottle
from idc_gateway.access.users import Users
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import Unauthenticated, WrongPassword

RECORDED_PER_SOURCE: Final = 5
RECORDED: Final = 100
"""Of all sources together, within a quarter of an hour."""
_MAX_MARK_LENGTH: Final = 128


class SignIns:
    """Checks keys, links and passwords of people who sign in."""

    def __init__(self, keyring: Keyring, users: Users, audit: AuditStore) -> None:
        self._keyring = keyring
        self._users = users
        self._audit = audit
        self._throttle = SignInThrottle()
        self._failures = FailureLimit()
        self.devices = KnownDevices()

    # Keys and links have 256 bits: nobody guesses one, and a limit on wrong ones would only lock others out.

    async def by_key(self, key: str) -> Proof:
        """Raises Unauthenticated where the key is unknown or expired."""
        caller = await self._keyring.by_key(key.strip())
        return Proof(caller.name, SignInBy.KEY, caller.sha256)

    async def by_link(self, token: str, request_id: str) -> Proof:
        """Raises Unauthenticated where the link is unknown, used or expired."""
        user = await self._users.by_link(token, request_id)
        return Proof(user.name, SignInBy.LINK, user.password_hash, user.created_at)

    async def by_password(self, name: str, password: str, source: str, mark: str | None) -> Proof:
        """Check a password.

        `mark` is the one that the browser got at an earlier sign-in, if any. Raises Unauthenticated where name and
        password do not match, TooMany and Busy as `SignInThrottle.attempt` does.
        """
        device = self.devices.device_of(mark, name)
        async with self._throttle.attempt(name, device or source, is_known_device=device is not None):
            user = await self._users.by_password(name, password)
        return Proof(user.name, SignInBy.PASSWORD, user.password_hash)

    async def change_password(
        self, caller: Caller, password: str, old_password: str | None, source: str, request_id: str
    ) -> Proof:
        """Set the caller's password; all of the user's sessions end.

        Raises WrongPassword where the old password is needed and missing or wrong, TooMany after several wrong ones,
        WeakPassword and Unauthenticated as `Users.set_password` does.
        """
        if caller.needs_old_password and old_password is None:
            raise WrongPassword(
                "send the old password as `old_password`; if you forgot it, ask an administrator for a sign-in link"
            )
        # Somebody who finds a signed-in PC must not guess: the session counts as the source, not its address.
        async with self._throttle.attempt(caller.name, f"session {caller.sha256}", is_known_device=True):
            if caller.needs_old_password and old_password is not None:
                await self._check_old(caller, old_password, source, request_id)
            user = await self._users.set_password(caller.name, password, request_id, session_sha256=caller.sha256)
        return Proof(user.name, SignInBy.PASSWORD, user.password_hash)

    async def _check_old(self, caller: Caller, old_password: str, source: str, request_id: str) -> None:
        try:
            async with self.recorded("old password", source, request_id):
                await self._users.by_password(caller.name, old_password)
        except Unauthenticated as exc:
            raise WrongPassword(
                "the old password is wrong; if you forgot it, ask an administrator for a sign-in link"
            ) from exc

    @asynccontextmanager
    async def recorded(self, by: str, source: str, request_id: str) -> AsyncIterator[None]:
        """Record in the audit chain that signing in failed, where the block raises Unauthenticated."""
        try:
            yield
        except Unauthenticated:
            skipped = self._failures.to_record(source)
            if skipped is not None:
                # The name is not recorded: people type passwords into that field.
                details = {"by": by, "not_recorded_before": skipped}
                event = AuditEvent("sign-in.failed", GATEWAY, source, utc_now(), request_id, details)
                await executors.writes(self._audit.record, [event])
            raise


class KnownDevices:
    """Browsers that a user signed in from before: other people's failures do not slow them down.

    The device cookie of OWASP's "Slow Down Online Guessing Attacks with Device Cookies". It grants no access: its
    browser only gets its own count of wrong passwords. After a restart, and at another gateway, a browser is new again.
    """

    def __init__(self) -> None:
        self._key = token_bytes(32)

    def new_mark(self, name: str) -> str:
        device = token_urlsafe(16)
        return f"{device}.{self._seal(device, name)}"

    def device_of(self, mark: str | None, name: str) -> str | None:
        """The device of a mark that was made for this user; None for any other mark."""
        if mark is None or not mark.isascii() or len(mark) > _MAX_MARK_LENGTH:
            return None
        device, _, seal = mark.partition(".")
        return device if hmac.compare_digest(seal, self._seal(device, name)) else None

    def _seal(self, device: str, name: str) -> str:
        text = f"{device}.{name}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()


class FailureLimit:
    """Limits the failures in the audit chain: enough to see an attack, too few to fill the chain by one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_source = Buckets(RECORDED_PER_SOURCE, FAILURES_WINDOW_S, clock=clock)
        self._total = Buckets(RECORDED, FAILURES_WINDOW_S, clock=clock)
        self._skipped = 0

    def to_record(self, source: str) -> int | None:
        """How many failures were skipped before this one; None where this one is skipped too."""
        if self._per_source.wait_s(source) or self._total.wait_s(""):
            self._skipped += 1
            return None
        self._per_source.add(source)
        self._total.add("")
        skipped, self._skipped = self._skipped, 0
        return skipped
