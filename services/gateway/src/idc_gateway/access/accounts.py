"""Who may use the gateway: keys for programs, users for the page."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from idc_gateway.access.scopes import Role, Scope

GATEWAY: Final = "gateway"
"""The actor of what the gateway does by itself, in the audit chain."""
FOLDER: Final = "folder"
"""Who sent a slide that came by the watched folder."""
FIRST_KEY_NAME: Final = "first"
FIRST_USER_NAME: Final = "admin"
LEGACY_PREFIX: Final = "legacy-"
"""Prefix of callers without a key, admitted by their network."""


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret."""

    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    """None for a key that does not expire."""


@dataclass(frozen=True)
class User:
    name: str
    role: Role
    created_at: datetime
    password_hash: str | None = None
    """Argon2 in its encoded form; None before the first password is set."""

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None


class SignInBy(StrEnum):
    KEY = "key"
    LINK = "link"
    PASSWORD = "password"  # noqa: S105 - the kind, not a password


@dataclass(frozen=True)
class Proof:
    """What somebody signed in with. A session is only opened if it is still valid at that moment."""

    name: str
    """Of the key or user."""
    by: SignInBy
    stored: str | None
    """The key's digest, or the hash of the user's password; None where the user has none yet."""
    user_since: datetime | None = None
    """When the user of a link was created: a later user of the name, without a password too, is somebody else."""


@dataclass(frozen=True)
class StoredSession:
    """A session that has not ended, and who opened it: a key or a user."""

    key: ApiKey | None
    user: User | None
    used_at: datetime
    password_until: datetime | None
    """Until then it may set the user's password without the old one."""


@dataclass(frozen=True)
class Caller:
    name: str
    """Of the key or user."""
    is_browser: bool
    scopes: frozenset[Scope]
    is_user: bool = False
    needs_old_password: bool = True
    """False while a session that a one-time link opened may set the password without the old one."""
    sha256: str = ""
    """Digest of the key, or of the session's token where `is_browser`, which must stay valid during the request.
    Empty where a setting admits the caller's network."""


def is_reserved(name: str, *, device: str = GATEWAY) -> bool:
    """Whether the name has a meaning in the audit chain or at the start, so that no account may have it."""
    folded = name.casefold()
    return folded in {GATEWAY, device.casefold(), FIRST_KEY_NAME, FOLDER} or folded.startswith(LEGACY_PREFIX)
