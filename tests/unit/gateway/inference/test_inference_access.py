"""What inference servers on other machines are shown: the key by HTTPS alone, read again for each request."""

from pathlib import Path

import httpx
import pytest

from idc_gateway.errors import InferenceUnavailable
from idc_gateway.inference.credentials import KeyFromFile
from idc_gateway.inference.oip_inference import OipInference
from idc_gateway.settings import GatewaySettings


def inference(url: str, key_file: Path, shown: list[str | None], status: int = 200) -> OipInference:
    def handle(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers.get("Authorization"))
        return httpx.Response(status, json={"name": "idc", "error": "the key is missing or wrong"})

    return OipInference(url, "idc", timeout_s=1, auth=KeyFromFile(key_file), transport=httpx.MockTransport(handle))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "inference-key"
    path.write_text("secret\n")
    return path


async def test_key_is_shown_by_https_as_the_file_has_it_then(key_file: Path) -> None:
    shown: list[str | None] = []
    server = inference("https://up.lan:8443", key_file, shown)

    assert await server.is_ready()
    key_file.write_text("another")  # noqa: ASYNC240 - a few bytes
    await server.describe()

    assert shown == ["Bearer secret", "Bearer another"]


async def test_key_never_leaves_by_plain_http(key_file: Path) -> None:
    shown: list[str | None] = []

    assert await inference("http://up.lan:8000", key_file, shown).is_ready()

    assert shown == [None]


async def test_refused_key_is_named_as_the_reason_once(key_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = inference("https://up.lan:8443", key_file, [], status=401)

    assert not await server.is_ready()
    assert not await server.is_ready()
    with pytest.raises(InferenceUnavailable, match="does not accept this gateway's key: the key is missing or wrong"):
        await server.describe()

    assert [record.getMessage() for record in caplog.records] == [
        "inference server https://up.lan:8443 cannot be used: the key is missing or wrong"
    ]


async def test_unreadable_key_is_named_with_its_setting(tmp_path: Path) -> None:
    server = inference("https://up.lan:8443", tmp_path / "none", [])

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
