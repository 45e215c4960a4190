"""The gateway as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.compose_stack import answers
from support.eventually import wait_until
from support.free_port import free_port
from support.mosquitto import MosquittoBroker


@contextmanager
def gateway_process(
    folder: Path, broker: MosquittoBroker, inference_urls: str, *, python: str = sys.executable, **more: str
) -> Iterator[str]:
    """Serve while the block runs, with what it logs in `folder`/gateway.log; gives the address.

    Args:
        folder: The data directory.
        broker: Where messages go; its API key is the gateway's first one.
        inference_urls: Where inference is.
        python: The interpreter, that of another checkout's environment say.
        more: Further settings.

    Raises:
        TimeoutError: It is not ready in time.
    """
    port, mqtt = free_port(), broker.settings("gateway")
    settings = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "GATEWAY_DATA_DIR": str(folder),
        "GATEWAY_FIRST_API_KEY_FILE": str(broker.api_key_file),
        "GATEWAY_INFERENCE_URLS": inference_urls,
        "GATEWAY_MQTT__HOST": mqtt.host,
        "GATEWAY_MQTT__PORT": str(mqtt.port),
        "GATEWAY_MQTT__USERNAME": mqtt.username,
        "GATEWAY_MQTT__PASSWORD_FILE": str(mqtt.password_file),
        "GATEWAY_MQTT__CA_FILE": str(mqtt.ca_file),
        **more,
    }
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen([python, "-m", "idc_gateway"], env=os.environ | settings, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/readyz"), "the gateway is ready")
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
