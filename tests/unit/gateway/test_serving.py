"""How the gateway is served."""

from pathlib import Path

import pytest
import uvicorn

from idc_gateway.__main__ import server_options
from idc_gateway.settings import GatewaySettings
from support.live_gateway import gateway_settings

CADDYFILE = Path(__file__).parents[3] / "tls" / "Caddyfile"


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
