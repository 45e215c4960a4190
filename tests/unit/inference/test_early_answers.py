"""A refusal that comes before the body has ended reaches a client that writes its whole body before it reads."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from idc_inference.app import create_app, open_repository
from idc_inference.metrics import Metrics
from idc_inference.settings import InferenceSettings
from idc_inference.web.uvicorn_server import server_config
from support.eventually import wait_until
from support.free_port import free_port
from support.inference_fakes import RednessEngine, serve_fake
from support.raw_sender import LONG_BODY_BYTES, head, write_then_read

INFER = "/v2/models/idc/infer"


@pytest.fixture(scope="module")
def port(tiny_models_dir: Path) -> Iterator[int]:
    settings = InferenceSettings(models_dir=tiny_models_dir, port=free_port(), host="127.0.0.1", max_body_bytes=100_000)
    metrics = Metrics()
    app = create_app(settings, open_repository(settings, metrics, serve_fake(RednessEngine())), metrics)
    server = uvicorn.Server(server_config(app, settings))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the service has started")
        yield settings.port
    finally:
        server.should_exit = True
        thread.join(timeout=60)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (INFER, (), 413),
        (INFER, ("Content-Encoding: gzip",), 415),
        ("/v2/models/other/infer", (), 404),
        ("/v2", (), 405),
        ("/nowhere", (), 404),
    ],
)
def test_client_that_writes_its_whole_body_first_gets_the_refusal(
    port: int, path: str, headers: tuple[str, ...], status: int, version: str
) -> None:
    answered, error = write_then_read(port, head(path, LONG_BODY_BYTES, *headers, version=version))

    assert answered == status
    assert json.loads(error)["error"]
