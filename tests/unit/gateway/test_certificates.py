"""The ends of certificates, as real TLS servers show them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from idc_gateway.certificates import CertificateEnd, Certificates, Place
from support.certificates import self_signed
from support.free_port import free_port

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def server_with(certificate: Path, key: Path) -> AsyncIterator[int]:
    """A TLS server on 127.0.0.1; gives its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def place(port: int, authority: Path) -> Place:
    return Place("the broker", "127.0.0.1", port, lambda: ssl.create_default_context(cafile=str(authority)))


async def seen(at: Place) -> CertificateEnd:
    certificates = Certificates([at])
    await certificates.look()
    return certificates.ends[0]


async def test_end_of_a_servers_certificate_is_read(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "20200101000000Z", "20990101000000Z")
    async with server_with(certificate, key) as port:
        found = await seen(place(port, certificate))

    assert found == CertificateEnd("the broker", datetime(2099, 1, 1, tzinfo=UTC), usable=True)


async def test_expired_certificate_is_told_with_what_to_do(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "20200101000000Z", "20210101000000Z")
    async with server_with(certificate, key) as port:
        found = await seen(place(port, certificate))

    assert found.usable is False
    assert found.warning(NOW) == "the certificate of the broker: it has expired: renew it"


async def test_certificate_of_another_authority_is_not_trusted(tmp_path: Path) -> None:
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    certificate, key = self_signed(tmp_path / "own", "20200101000000Z", "20990101000000Z")
    other, _ = self_signed(tmp_path / "other", "20200101000000Z", "20990101000000Z")
    async with server_with(certificate, key) as port:
        found = await seen(place(port, other))

    assert found.usable is False
    assert "not trusted here" in (found.trouble or "")


async def test_server_that_is_away_says_nothing_of_its_certificate(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path, "20200101000000Z", "20990101000000Z")
    found = await seen(place(free_port(), certificate))

    assert (found.usable, found.ends_at, found.trouble) == (None, None, "the server does not answer")
    assert found.warning(NOW) is None


async def test_file_that_cannot_be_read_is_named_as_the_reason(tmp_path: Path) -> None:
    found = await seen(place(1, tmp_path / "missing.crt"))

    assert found.trouble == "the file of its authority cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("left", "warning"),
    [
        (timedelta(days=15), None),
        (timedelta(days=3, hours=1), "the certificate of x ends in 3 days: renew it"),
        (-timedelta(hours=1), "the certificate of x has expired: renew it"),
    ],
)
def test_warning_comes_two_weeks_before_the_end(left: timedelta, warning: str | None) -> None:
    assert CertificateEnd("x", NOW + left, usable=True).warning(NOW) == warning
