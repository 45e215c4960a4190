"""Browsers that a user signed in from before: failures of others, even from the same address, do not slow them down.

The device cookie of OWASP's "Slow Down Online Guessing Attacks with Device Cookies". It opens nothing: its browser gets
a count of wrong passwords of its own. After a restart, and at another gateway, a browser is new again.
"""

import hmac
from secrets import token_bytes, token_urlsafe
from typing import Final

MAX_LENGTH: Final = 128


class KnownDevices:
    """Makes and knows the marks."""

    def __init__(self) -> None:
        self._key = token_bytes(32)

    def new_mark(self, name: str) -> str:
        """A mark for the browser from which a user has just signed in."""
        device = token_urlsafe(16)
        return f"{device}.{self._seal(device, name)}"

    def device_of(self, mark: str | None, name: str) -> str | None:
        """The device that a mark names, where it was made for this user; None otherwise."""
        if mark is None or not mark.isascii() or len(mark) > MAX_LENGTH:
            return None
        device, _, seal = mark.partition(".")
        return device if hmac.compare_digest(seal, self._seal(device, name)) else None

    def _seal(self, device: str, name: str) -> str:
        text = f"{device}.{name}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()
