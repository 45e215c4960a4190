"""A refusal that comes before the body has ended reaches a client that writes its whole body before it reads."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.gateway_fakes import MemoryBus
from support.live_gateway import KEY, gateway_settings, live_gateway
from support.raw_sender import LONG_BODY_BYTES, head, write_then_read

UPLOADS = "/api/v1/classifications"
KNOWN = f"Authorization: Bearer {KEY}"
PNG = "Content-Type: image/png"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    settings = gateway_settings(tmp_path_factory.mktemp("gateway"))
    with live_gateway(settings, bus=MemoryBus()) as address:
        yield urlsplit(address).port or 0


@pytest.mark.parametrize(
    ("path", "headers", "status", "kind"),
    [
        (UPLOADS, (PNG,), 401, "unauthenticated"),
        (UPLOADS, (PNG, "Authorization: Bearer wrong"), 401, "unauthenticated"),
        (UPLOADS, (PNG, KNOWN), 413, "body-too-large"),
        (UPLOADS, (PNG, KNOWN, "Content-Encoding: gzip"), 415, "unsupported-encoding"),
        (UPLOADS, ("Content-Type: multipart/form-data", KNOWN), 400, "bad-multipart"),
        (UPLOADS, ("Content-Type: multipart/form-data; boundary=x", KNOWN), 400, "bad-multipart"),
        (UPLOADS, ("Idempotency-Key: ", PNG, KNOWN), 422, "invalid-request"),
        (f"{UPLOADS}?unknown=1", (PNG, KNOWN), 422, "invalid-request"),
        ("/api/infer", (PNG, KNOWN), 413, "body-too-large"),
        ("/api/v1/session", ("Content-Type: application/json",), 413, "body-too-large"),
        ("/api/v1/session", ("Content-Encoding: gzip",), 415, "unsupported-encoding"),
        ("/nowhere", (), 413, "body-too-large"),
    ],
)
def test_client_that_writes_its_whole_body_first_gets_the_problem(
    port: int, path: str, headers: tuple[str, ...], status: int, kind: str
) -> None:
    answered, problem = write_then_read(port, head(path, LONG_BODY_BYTES, *headers))

    assert answered == status
    assert json.loads(problem)["type"] == f"urn:idc-sentinel:problem:{kind}"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_client_whose_rate_is_used_up_gets_the_problem(tmp_path: Path, version: str) -> None:
    """nginx asks by HTTP/1.0 and ends the connection with the answer."""
    with live_gateway(gateway_settings(tmp_path, requests_per_minute=1), bus=MemoryBus()) as address:
        request = head(UPLOADS, LONG_BODY_BYTES, PNG, KNOWN, version=version)
        port = urlsplit(address).port or 0

        statuses = [write_then_read(port, request)[0] for _ in range(10)]

    assert 429 in statuses
