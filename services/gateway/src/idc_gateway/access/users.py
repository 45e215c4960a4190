"""The page's users: created by an administrator, signed in once by a link, then by their password."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import FIRST_USER_NAME, GATEWAY, User, is_reserved
from idc_gateway.access.accounts_store import AccountsStore
from idc_gateway.access.digests import is_plausible, new_secret, secret_digest
from idc_gateway.access.passwords import check_strength, hash_of, is_outdated, is_right
from idc_gateway.access.scopes import Role
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import NameTaken, NotFound, Unauthenticated

logger = logging.getLogger(__name__)

LINK_LIFETIME: Final = timedelta(minutes=60)


class Users:
    def __init__(
        self, accounts: AccountsStore, *, device: str = GATEWAY, site: str = "", clock: Callable[[], datetime] = utc_now
    ) -> None:
        """`device` is the gateway's name in the audit chain and reserved; a password must be more than `site`."""
        self._accounts = accounts
        self._device = device
        self._site = site
        self._clock = clock

    def first_link(self) -> str | None:
        """The token of a one-time sign-in link for the first administrator.

        None once a user has a password, where the first administrator was removed, or an API key has that name.
        """
        users = self._accounts.users()
        if any(user.password_hash for user in users):
            return None
        now = self._clock()
        if not any(user.name == FIRST_USER_NAME for user in users):
            if self._accounts.was_removed(FIRST_USER_NAME):
                logger.info(
                    "the user %s was removed and is not created again: create users with an API key", FIRST_USER_NAME
                )
                return None
            event = AuditEvent("user.created", GATEWAY, FIRST_USER_NAME, now, details={"role": Role.ADMIN})
            if not self._accounts.add_user(User(FIRST_USER_NAME, Role.ADMIN, now), event):
                return None
        return self._new_link(FIRST_USER_NAME, GATEWAY, None)

    async def create(self, name: str, role: Role, actor: str, request_id: str) -> tuple[User, str]:
        """Create a user; returns it with the token of a one-time sign-in link. Raises NameTaken."""
        if is_reserved(name, device=self._device):
            raise NameTaken(f"the name {name!r} is reserved: choose another one")
        user = User(name, role, self._clock())
        event = AuditEvent("user.created", actor, name, user.created_at, request_id, {"role": role})
        if not await executors.writes(self._accounts.add_user, user, event):
            raise NameTaken(f"a user or API key has the name {name!r}: choose another one")
        return user, await executors.writes(self._new_link, name, actor, request_id)

    async def all(self) -> list[User]:
        return await executors.reads(self._accounts.users)

    async def set_role(self, name: str, role: Role, actor: str, request_id: str) -> User:
        """Give a user another role. Raises NotFound, and LastAdministrator where none would be left."""
        event = AuditEvent("user.role-set", actor, name, self._clock(), request_id, {"role": role})
        if not await executors.writes(self._accounts.set_role, name, role, event):
            raise NotFound(f"there is no user {name!r}")
        return await self._user(name)

    async def new_link(self, name: str, actor: str, request_id: str) -> str:
        """The token of a one-time sign-in link for a user who forgot the password. Raises NotFound."""
        await self._user(name)
        return await executors.writes(self._new_link, name, actor, request_id)

    async def remove(self, name: str, actor: str, request_id: str) -> None:
        """Delete a user with their sessions and links; their records stay. Raises NotFound and LastAdministrator."""
        event = AuditEvent("user.removed", actor, name, self._clock(), request_id)
        if not await executors.writes(self._accounts.delete_user, name, event):
            raise NotFound(f"there is no user {name!r}")

    async def by_password(self, name: str, password: str) -> User:
        """The user with this name and password; an unknown name takes as long as a wrong password.

        A hash with an outdated cost is renewed. Raises Unauthenticated where they do not match, and Busy.
        """
        user = await executors.reads(self._accounts.user, name)
        is_match = await executors.passwords(is_right, password, user.password_hash if user else None)
        if user is None or user.password_hash is None or not is_match:
            raise Unauthenticated("the name or the password is wrong")
        if not is_outdated(user.password_hash):
            return user
        renewed = await executors.passwords(hash_of, password)
        if await executors.writes(self._accounts.renew_hash, name, user.password_hash, renewed):
            return replace(user, password_hash=renewed)
        # Another sign-in renewed the hash, or the password was changed: what is stored now decides.
        return await self.by_password(name, password)

    async def by_link(self, token: str, request_id: str) -> User:
        """The user of a sign-in link, which works once. Raises Unauthenticated where it is unknown, used or expired."""
        user = None
        if is_plausible(token):
            user = await executors.writes(self._accounts.take_link, secret_digest(token), self._clock(), request_id)
        if user is None:
            raise Unauthenticated("this sign-in link was used or has expired: ask an administrator for another")
        return user

    async def set_password(
        self, name: str, password: str, request_id: str | None, *, session_sha256: str | None = None
    ) -> User:
        """Set a user's password and end their sessions and links; returns the user as stored now.

        While the password is hashed, the user can be removed and another one created with the name: the request's
        session must still exist when the password is stored, or Unauthenticated is raised. Also raises WeakPassword
        and Busy.
        """
        await executors.passwords(check_strength, password, [name, self._site, self._device])
        hashed = await executors.passwords(hash_of, password)
        event = AuditEvent("user.password-set", name, name, self._clock(), request_id)
        if not await executors.writes(self._accounts.set_password, name, hashed, event, session_sha256):
            raise Unauthenticated("the session has ended: sign in again")
        return replace(await self._user(name), password_hash=hashed)

    async def _user(self, name: str) -> User:
        user = await executors.reads(self._accounts.user, name)
        if user is None:
            raise NotFound(f"there is no user {name!r}")
        return user

    def _new_link(self, name: str, actor: str, request_id: str | None) -> str:
        token, now = new_secret(), self._clock()
        event = AuditEvent("user.link-made", actor, name, now, request_id)
        self._accounts.put_link(secret_digest(token), name, now + LINK_LIFETIME, event)
        return token
