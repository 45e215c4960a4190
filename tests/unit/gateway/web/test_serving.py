"""How the gateway is served."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from idc_gateway.__main__ import server_options
from idc_gateway.settings import GatewaySettings
from support.live_gateway import gateway_settings

CADDYFILE = Path(__file__).parents[4] / "tls" / "Caddyfile"


def config(settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config("none:app", **server_options(settings))


@pytest.mark.parametrize("keep_alive_s", [150, 700])
def test_connections_rest_as_long_as_the_setting_says(tmp_path: Path, keep_alive_s: int) -> None:
    settings = gateway_settings(tmp_path, keep_alive_s=keep_alive_s)

    assert config(settings).timeout_keep_alive == keep_alive_s


def test_shipped_proxy_closes_a_resting_connection_before_the_gateway_does(tmp_path: Path) -> None:
    words = CADDYFILE.read_text().split()

    rests_s = int(words[words.index("keepalive") + 1].removesuffix("s"))

    assert rests_s < config(gateway_settings(tmp_path)).timeout_keep_alive


@pytest.mark.parametrize(("trusted", "seen"), [({}, "127.0.0.1"), ({"trusted_proxies": "127.0.0.1"}, "192.0.2.7")])
async def test_header_of_a_proxy_counts_only_where_the_proxy_is_named(
    tmp_path: Path, trusted: dict[str, str], seen: str
) -> None:
    async def tell_peer(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})

    server = uvicorn.Config(tell_peer, **server_options(gateway_settings(tmp_path, **trusted)))
    server.load()
    transport = httpx.ASGITransport(server.loaded_app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get("/", headers={"X-Forwarded-For": "192.0.2.7"})

    assert answer.text == seen
