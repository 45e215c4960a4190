"""A gateway that listens on a real port, around whatever parts a test gives it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from idc_gateway.__main__ import server_options
from idc_gateway.app import create_app
from idc_gateway.composition import build
from idc_gateway.inference.ports import InferenceServer
from idc_gateway.messages.ports import Bus
from idc_gateway.settings import GatewaySettings
from idc_servicekit.mqtt import MqttSettings
from support.eventually import wait_until
from support.free_port import free_port
from support.gateway_fakes import RednessInference

KEY = "idc_" + "k" * 60


def gateway_settings(folder: Path, mqtt: MqttSettings | None = None, **changes: object) -> GatewaySettings:
    """Settings of a gateway whose files are all in one folder."""
    key_file = folder / "api-key"
    key_file.write_text(KEY)
    mqtt = mqtt or MqttSettings(username="gateway", password_file=key_file, ca_file=key_file)
    return GatewaySettings.model_validate(
        {"data_dir": folder, "first_api_key_file": key_file, "mqtt": mqtt, "host": "127.0.0.1", **changes}
    )


@contextmanager
def live_gateway(
    settings: GatewaySettings, *, inference: InferenceServer | None = None, bus: Bus | None = None
) -> Iterator[str]:
    """Serve in a thread, as `idc-gateway` does, while the block runs; gives the address."""
    port = free_port()
    app = create_app(build(settings, servers={"http://inference": inference or RednessInference()}, bus=bus))
    server = uvicorn.Server(uvicorn.Config(app, **server_options(settings) | {"port": port}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the gateway has started")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=60)


@contextmanager
def live_client(
    settings: GatewaySettings, *, inference: InferenceServer | None = None, bus: Bus | None = None
) -> Iterator[httpx.Client]:
    """Serve in a thread while the block runs; gives a client with the first key."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        live_gateway(settings, inference=inference, bus=bus) as address,
        httpx.Client(base_url=address, headers=headers, timeout=60) as client,
    ):
        yield client
