"""When certificates end that this gateway depends on: those of the servers that it reaches by TLS, and of itself."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

EVERY_S: Final = 3600.0
AGAIN_S: Final = 60.0
"""After a look at which a server did not answer."""
TIMEOUT_S: Final = 5.0
WARN_BEFORE: Final = timedelta(days=14)
"""Certificates of the stack's own authority are renewed 30 days before their end."""
_EXPIRED: Final = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of openssl/x509_vfy.h."""


@dataclass(frozen=True)
class Place:
    """A server that shows a certificate."""

    name: str
    host: str
    port: int
    trust: Callable[[], ssl.SSLContext]
    """What checks the certificate; raises OSError where a file cannot be read."""


@dataclass(frozen=True)
class CertificateEnd:
    """The end of one certificate, as it was seen last."""

    name: str
    ends_at: datetime | None = None
    """None where it could not be read."""
    usable: bool | None = None
    """False where it has expired or is not trusted; None where nobody knows."""
    trouble: str | None = None
    """Why it is not usable, or could not be read."""

    def warning(self, now: datetime) -> str | None:
        """What to do about it, where it has ended or ends soon."""
        if self.ends_at is None:
            return f"the certificate of {self.name}: {self.trouble}" if self.usable is False else None
        days = (self.ends_at - now) // timedelta(days=1)
        if self.ends_at <= now:
            return f"the certificate of {self.name} has expired: renew it"
        return f"the certificate of {self.name} ends in {days} days: renew it" if days < WARN_BEFORE.days else None


class Certificates:
    """Looks at each certificate now and then."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self.ends: list[CertificateEnd] = []
        """As they were seen last; empty before the first look."""

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(AGAIN_S if any(end.ends_at is None for end in self.ends) else EVERY_S)

    async def look(self) -> None:
        """Look at each once, all at the same time."""
        self.ends = list(await asyncio.gather(*map(_end_of, self._places)))


async def _end_of(place: Place) -> CertificateEnd:
    try:
        trust = place.trust()
    except ssl.SSLError:
        return CertificateEnd(place.name, trouble="the file of its authority holds no certificate")
    except OSError as exc:
        return CertificateEnd(place.name, trouble=f"the file of its authority cannot be read: {exc.strerror}")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=trust)
    except ssl.SSLCertVerificationError as exc:
        is_old = exc.verify_code == _EXPIRED
        trouble = "it has expired: renew it" if is_old else f"it is not trusted here: {exc.verify_message}"
        return CertificateEnd(place.name, usable=False, trouble=trouble)
    except OSError:  # a time-out, too
        return CertificateEnd(place.name, trouble="the server does not answer")
    not_after = writer.get_extra_info("peercert")["notAfter"]
    writer.transport.abort()
    return CertificateEnd(place.name, datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC), usable=True)
