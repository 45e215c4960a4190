"""One request can be followed through gateway, inference, broker and alarm: real processes, one id, one trace."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from idc_contracts import CLASSIFICATIONS, PatchClassified
from support.alarm_process import AlarmProcess
from support.demo_patches import solid_png
from support.eventually import wait_until
from support.free_port import free_port
from support.gateway_process import gateway_process
from support.inference_process import inference_process, start_inference, wait_ready
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer
from support.otlp_collector import Span, otlp_collector

pytestmark = pytest.mark.e2e

ID = "asked-by-a-test-7f3a"
RED = solid_png((230, 0, 0))


def log_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def post(address: str, broker: MosquittoBroker, request_id: str = ID) -> None:
    headers = {
        "Authorization": f"Bearer {broker.api_key_file.read_text().strip()}",
        "Content-Type": "image/png",
        "X-Request-ID": request_id,
    }
    httpx.post(f"{address}/api/v1/classifications", content=RED, headers=headers, timeout=60).raise_for_status()


def test_one_id_goes_from_http_through_inference_to_the_broker_and_the_alarm(
    shared_broker: MosquittoBroker, tiny_models_dir: Path, tmp_path: Path
) -> None:
    site, port = "one-request", free_port()
    alarm = AlarmProcess(tmp_path, shared_broker.settings("alarm"), site=site)
    witness = MqttPeer(shared_broker.settings("operator"), CLASSIFICATIONS.filter(site=site))
    inference = start_inference(tiny_models_dir, port, INFERENCE_LOG_LEVEL="INFO")
    try:
        wait_ready(f"http://127.0.0.1:{port}", inference)
        alarm.start()
        with gateway_process(tmp_path, shared_broker, f"http://127.0.0.1:{port}", GATEWAY_SITE=site) as gateway:
            post(gateway, shared_broker)
            wait_until(lambda: bool(witness.received), "the broker has the message")
            wait_until(lambda: ID in alarm.log.read_text(), "the alarm acted on it")
    finally:
        inference.terminate()
        inference_log = inference.communicate(timeout=60)[0]
        alarm.stop()
        witness.close()

    assert PatchClassified.from_payload(witness.received[0][1]).correlation_id == ID
    for text in ((tmp_path / "gateway.log").read_text(), inference_log):
        (line,) = [line for line in log_lines(text) if line.get("request_id") == ID]
        assert line["message"].startswith("POST ")
    assert [line for line in log_lines(alarm.log.read_text()) if ID in line.values()]


def test_requests_that_ask_inference_together_stand_in_its_log_with_every_id(
    shared_broker: MosquittoBroker, tiny_models_dir: Path, tmp_path: Path
) -> None:
    port, ids = free_port(), [f"one-of-many-{number}" for number in range(48)]
    inference = start_inference(tiny_models_dir, port, INFERENCE_LOG_LEVEL="INFO")
    try:
        wait_ready(f"http://127.0.0.1:{port}", inference)
        with (
            gateway_process(tmp_path, shared_broker, f"http://127.0.0.1:{port}") as gateway,
            ThreadPoolExecutor(48) as clients,
        ):
            list(clients.map(lambda request_id: post(gateway, shared_broker, request_id), ids))
    finally:
        inference.terminate()
        inference_log = inference.communicate(timeout=60)[0]

    asked = [line["request_id"].split(",") for line in log_lines(inference_log) if "POST" in line["message"]]
    assert sorted(request_id for group in asked for request_id in group) == sorted(ids)
    assert len(asked) < len(ids)


def test_trace_of_a_request_reaches_from_the_gateway_into_inference(
    shared_broker: MosquittoBroker, tiny_models_dir: Path, tmp_path: Path
) -> None:
    with otlp_collector() as (endpoint, spans):
        options = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with (
            inference_process(tiny_models_dir, **options) as inference,
            gateway_process(tmp_path, shared_broker, inference, **options) as gateway,
        ):
            post(gateway, shared_broker)

    (asked,) = [span for span in spans if span.attributes.get("idc.request_id") == ID and "gateway" in span.service]
    (answered,) = [
        span for span in spans if span.attributes.get("idc.request_id") == ID and "inference" in span.service
    ]
    by_id: dict[str, Span] = {span.span_id: span for span in spans}
    assert answered.trace_id == asked.trace_id
    assert by_id[answered.parent_id].parent_id == asked.span_id  # gateway's request > its call > inference's request
    assert {"idc.decode_ms", "idc.queue_ms", "idc.infer_ms"} <= answered.attributes.keys()
    assert not [span for span in spans if "readyz" in span.name or "/v2/health" in span.name]


def test_services_work_where_the_collector_is_away(
    shared_broker: MosquittoBroker, tiny_models_dir: Path, tmp_path: Path
) -> None:
    options = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with (
        inference_process(tiny_models_dir, **options) as inference,
        gateway_process(tmp_path, shared_broker, inference, **options) as gateway,
    ):
        for _ in range(3):
            post(gateway, shared_broker)
