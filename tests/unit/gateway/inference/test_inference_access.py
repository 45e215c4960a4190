"""What inference servers on other machines are shown: the key by HTTPS alone, read again for each request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from idc_gateway.errors import InferenceUnavailable
from idc_gateway.inference.credentials import KeyFromFile, trusted_by
from idc_gateway.inference.oip_inference import OipInference
from idc_gateway.settings import GatewaySettings
from support.answering_server import answering, tls_server
from support.certificates import self_signed


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "inference-key"
    path.write_text("secret\n")
    return path


@asynccontextmanager
async def inference(
    key_file: Path, shown: list[str | None], *, status: int = 200, is_https: bool = True
) -> AsyncIterator[OipInference]:
    async def handle(request: web.BaseRequest) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return web.json_response({"name": "idc", "error": "the key is missing or wrong"}, status=status)

    trust, tls = None, None
    if is_https:
        certificate, private = self_signed(key_file.parent, "20200101000000Z", "20990101000000Z")
        trust, tls = trusted_by(certificate), tls_server(str(certificate), str(private))
    async with answering(handle, tls=tls) as port:
        url = f"{'https' if is_https else 'http'}://127.0.0.1:{port}"
        server = OipInference(url, "idc", trust=trust, key=KeyFromFile(key_file))
        try:
            yield server
        finally:
            await server.close()


async def test_key_is_shown_by_https_as_the_file_has_it_then(key_file: Path) -> None:
    shown: list[str | None] = []
    async with inference(key_file, shown) as server:
        assert await server.is_ready()
        key_file.write_text("another")  # noqa: ASYNC240 - a few bytes
        await server.describe()

    assert shown == ["Bearer secret", "Bearer another"]


async def test_key_never_leaves_by_plain_http(key_file: Path) -> None:
    shown: list[str | None] = []
    async with inference(key_file, shown, is_https=False) as server:
        assert await server.is_ready()

    assert shown == [None]


async def test_refused_key_is_named_as_the_reason_once(key_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = "does not accept this gateway's key: the key is missing or wrong"
    async with inference(key_file, [], status=401) as server:
        assert not await server.is_ready()
        assert not await server.is_ready()
        with pytest.raises(InferenceUnavailable, match=said):
            await server.describe()

    (line,) = [record.getMessage() for record in caplog.records if "inference server" in record.getMessage()]
    assert line.endswith("cannot be used: the key is missing or wrong")


async def test_unreadable_key_is_named_with_its_setting(tmp_path: Path) -> None:
    async with inference(tmp_path / "none", []) as server:
        with pytest.raises(InferenceUnavailable):
            await server.is_ready()
        with pytest.raises(InferenceUnavailable, match=r"GATEWAY_INFERENCE_KEY_FILE=.*none cannot be read"):
            await server.describe()


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("http://0.0.0.0:8081", "http://localhost:8081/"),
        ("http://[::]:8081", "http://localhost:8081/"),
        ("http://192.0.2.7:8081", "http://192.0.2.7:8081/"),
        ("https://idc.example:443", "https://idc.example/"),
        ("https://idc.example:8443", "https://idc.example:8443/"),
    ],
)
def test_links_begin_with_an_address_that_a_browser_can_open(
    setting: str, shown: str, settings: GatewaySettings
) -> None:
    values = settings.model_dump() | {"public_url": setting}

    assert str(GatewaySettings.model_validate(values).public_url) == shown
