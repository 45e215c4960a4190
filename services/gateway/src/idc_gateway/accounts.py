"""Who may use the gateway: keys for programs, users for the page."""

from dataclasses import dataclass
from datetime import datetime

from idc_gateway.scopes import Role, Scope


@dataclass(frozen=True)
class ApiKey:
    """A key as it is stored, without its secret."""

    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    """None for a key that does not expire."""


@dataclass(frozen=True)
class User:
    """Someone who signs in at the page."""

    name: str
    role: Role
    created_at: datetime
    password_hash: str | None = None
    """Argon2 in its encoded form; None where none was set yet."""


@dataclass(frozen=True)
class SessionOwner:
    """Whose session it is: a key's or a user's."""

    key: ApiKey | None = None
    user: User | None = None


@dataclass(frozen=True)
class Caller:
    """Who sends a request."""

    name: str
    """Of the key or user."""
    is_browser: bool
    scopes: frozenset[Scope]
    is_user: bool = False
