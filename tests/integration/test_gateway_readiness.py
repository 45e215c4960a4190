"""What the gateway says of a real inference server that hangs, fails and comes back, and what it does meanwhile."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from idc_gateway.inference import endpoint
from idc_gateway.inference.oip_inference import OipInference
from support.demo_patches import solid_png
from support.eventually import wait_until
from support.gateway_fakes import MemoryBus
from support.live_gateway import gateway_settings, live_client

pytestmark = pytest.mark.integration

ANSWER = {
    "model_name": "idc",
    "model_version": "1",
    "parameters": {"sha256": "0" * 64, "no_idc_below": 0.4, "idc_from": 0.6},
    "outputs": [{"name": "probability", "data": [0.9]}, {"name": "decision", "data": ["idc"]}],
}


class Server(ThreadingHTTPServer):
    """Answers every question with the same result; its health answer can be made to hang or to fail."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.go_on = threading.Event()
        self.go_on.set()
        self.health = 200
        self.looks = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/ready"):
            self.server.looks += 1
            self.server.go_on.wait(60)
            self._answer(self.server.health, {})
        else:
            self._answer(200, {"name": "idc", "extensions": []})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
        """Nothing."""

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        with suppress(BrokenPipeError):  # a question that was given up
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    for name in ("LOOK_EVERY_S", "LOOK_AGAIN_S", "LOOK_TIMEOUT_S"):
        monkeypatch.setattr(endpoint, name, 0.3)
    inference = OipInference(server.url, "idc")
    with live_client(gateway_settings(tmp_path), inference=inference, bus=MemoryBus()) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, "the gateway is ready")
        yield client


def classified(gateway: httpx.Client) -> int:
    return gateway.post("/api/v1/classifications", content=solid_png((250, 0, 0))).status_code


@pytest.mark.parametrize("fault", ["hangs", "fails", "says no"])
def test_truth_is_told_both_ways_and_the_only_server_is_asked_all_the_time(
    gateway: httpx.Client, server: Server, fault: str
) -> None:
    if fault == "hangs":
        server.go_on.clear()
    server.health = {"hangs": 200, "fails": 500, "says no": 503}[fault]

    wait_until(lambda: gateway.get("/readyz").status_code == 503, "it is told that inference is not ready")
    assert classified(gateway) == 201

    server.health = 200
    server.go_on.set()
    wait_until(lambda: gateway.get("/readyz").status_code == 200, "it is told that inference is back")


def test_those_who_ask_for_health_do_not_multiply_the_looks(gateway: httpx.Client, server: Server) -> None:
    server.go_on.clear()
    looks = server.looks

    for _ in range(100):
        gateway.get("/readyz")

    assert server.looks - looks < 50
