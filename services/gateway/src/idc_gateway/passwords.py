"""Passwords, by Argon2id."""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH: Final = 12
"""NIST SP 800-63B: length counts, rules of composition do not; 8 is its least for a second factor, 15 without one.
Throttling and a closed network stand beside it here."""
MAX_LENGTH: Final = 256

# OWASP Password Storage Cheat Sheet, its least for Argon2id: 19 MiB, 2 passes, 1 lane. An edge box has little memory.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""The hash of no password: to try it takes as long as to try a user's."""


def hash_of(password: str) -> str:
    """A new password's hash, with its salt and cost. Takes some 30 ms and 19 MiB; call it in a thread."""
    return _HASHER.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether this is the password; takes as long where there is no user or no password."""
    try:
        return _HASHER.verify(stored or _NOBODYS, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
