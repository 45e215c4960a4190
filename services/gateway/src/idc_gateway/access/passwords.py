"""Passwords: which are accepted, and how they are hashed (Argon2id)."""

from collections.abc import Sequence
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from idc_gateway.errors import WeakPassword

MIN_LENGTH: Final = 12
"""NIST SP 800-63B: length counts, composition rules do not; at least 8 with a second factor, 15 without one. Here
throttling and a closed network add to it."""
MAX_LENGTH: Final = 256
MIN_SCORE: Final = 3
"""zxcvbn's "safely unguessable": more than 10^8 guesses by somebody who knows lists of common passwords."""
EXAMINED: Final = 72
"""Only the first characters are examined: the time grows faster than the length."""
OWN_WORDS: Final = ("idc-sentinel", "sentinel", "idc", "password")
_MIN_WORD: Final = 3
"""A shorter user's name is part of too many words."""

# OWASP Password Storage Cheat Sheet, minimum for Argon2id: 19 MiB, 2 passes, 1 lane. An edge box has little memory.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DUMMY_HASH: Final = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""No password's hash: checking it takes as long as checking a user's."""


def hash_of(password: str) -> str:
    """A new password's hash, with its salt and cost. Takes some 30 ms and 19 MiB; call it in a thread."""
    return _HASHER.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether this is the password; takes as long where there is no user or no password."""
    try:
        return _HASHER.verify(stored or _DUMMY_HASH, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash has another cost than new hashes."""
    return _HASHER.check_needs_rehash(stored)


def check_strength(password: str, words: Sequence[str]) -> None:
    """Reject a password that is easy to guess. Takes up to 20 ms; call it in a thread.

    Args:
        password: The user's choice.
        words: What is known of the user and the site: their names.

    Raises:
        WeakPassword: It is short, common, or little more than these words.
    """
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"the password has {len(password)} characters: use at least {MIN_LENGTH}")
    known = [word for word in (*words, *OWN_WORDS) if len(word) >= _MIN_WORD]
    examined = password[:EXAMINED]
    rest = examined.casefold()
    for word in known:
        rest = rest.replace(word.casefold(), "")
    if min(_score(examined, known), _score(rest, known)) < MIN_SCORE:
        raise WeakPassword("the password is easy to guess: use several words that do not belong together")


def _score(password: str, known: list[str]) -> int:
    return int(zxcvbn(password, user_inputs=known, max_length=EXAMINED)["score"]) if password else 0
