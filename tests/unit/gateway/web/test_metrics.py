"""What the gateway tells Prometheus, and whom."""

from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from idc_contracts import ALARM_STATUS, Reason
from idc_gateway.app import create_app
from idc_gateway.composition import build
from idc_gateway.errors import InferenceUnavailable
from idc_gateway.settings import GatewaySettings
from idc_gateway.store import Store
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

URL = "/api/v1/classifications"
PNG = {"Content-Type": "image/png"}
RED, DARK = solid_png((230, 0, 0)), solid_png((0, 0, 0))


def client_at(address: str, settings: GatewaySettings, store: Store, **changed: object) -> httpx.AsyncClient:
    """A client of a gateway with changed settings, without a key."""
    settings = settings.model_copy(update={"store_images": False, **changed})
    app = create_app(build(settings, store=store, servers={"http://inference": RednessInference()}, bus=MemoryBus()))
    transport = httpx.ASGITransport(app, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


async def samples(client: httpx.AsyncClient) -> dict[str, float]:
    """Every sample, by its name and labels as Prometheus writes them."""
    answer = await client.get("/metrics")
    answer.raise_for_status()
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_results_are_counted_by_decision(client: httpx.AsyncClient) -> None:
    for patch in (RED, RED, DARK):
        await client.post(URL, content=patch, headers=PNG)

    found = await samples(client)

    assert found["idc_gateway_results_total{decision=idc}"] == 2
    assert found["idc_gateway_results_total{decision=no_idc}"] == 1
    assert found["idc_gateway_results_total{decision=uncertain}"] == 0


async def test_reasons_are_counted_each_for_itself(client: httpx.AsyncClient, inference: RednessInference) -> None:
    inference.also = (Reason.LITTLE_TISSUE, Reason.UNFAMILIAR)
    await client.post(URL, content=RED, headers=PNG)
    inference.also = (Reason.UNFAMILIAR,)
    await client.post(URL, content=RED, headers=PNG)

    found = await samples(client)

    counts = {reason: found[f"idc_gateway_result_reasons_total{{reason={reason}}}"] for reason in Reason}
    assert counts == {"between_thresholds": 0, "little_tissue": 1, "unfamiliar": 2, "out_of_focus": 0}
    assert found["idc_gateway_results_total{decision=uncertain}"] == 2


async def test_requests_are_counted_by_operation(client: httpx.AsyncClient) -> None:
    created = (await client.post(URL, content=RED, headers=PNG)).json()["items"][0]["id"]
    await client.get(f"{URL}/{created}")
    await client.get("/no/such/path")

    found = await samples(client)

    assert found["idc_gateway_requests_total{method=POST,operation=classify_patches,status=201}"] == 1
    assert found["idc_gateway_requests_total{method=GET,operation=get_classification,status=200}"] == 1
    assert found["idc_gateway_requests_total{method=GET,operation=none,status=404}"] == 1
    assert not [name for name in found if created in name]


async def test_refusals_are_counted_by_kind(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    await stranger.get(URL)
    await stranger.get(URL)
    await client.post(URL, content=b"no image", headers=PNG)

    found = await samples(client)

    assert found["idc_gateway_problems_total{kind=unauthenticated}"] == 2
    assert found["idc_gateway_problems_total{kind=not-an-image}"] == 1


async def test_states_of_broker_outbox_alarms_and_inference_are_reported(
    client: httpx.AsyncClient, bus: MemoryBus, inference: RednessInference
) -> None:
    await eventually(lambda: bus.is_connected)
    inference.failure = InferenceUnavailable("gone")
    for _ in range(3):
        await client.post(URL, content=RED, headers=PNG)
    bus.deliver(ALARM_STATUS.at(site="site", device="alarm"), b"no message")

    found = await samples(client)

    assert found["idc_gateway_broker_connected"] == 1
    assert found["idc_gateway_outbox_messages"] == 0
    assert found["idc_gateway_alarms_online"] == 0
    assert found["idc_gateway_alarm_messages_rejected_total"] == 1
    assert found["idc_gateway_inference_ready{url=http://inference}"] == 1
    assert found["idc_gateway_inference_breaker_open{url=http://inference}"] == 1


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("10.2.0.1", 401), ("not an address", 401)])
async def test_named_network_reads_metrics_without_a_key(
    settings: GatewaySettings, store: Store, address: str, status: int
) -> None:
    async with client_at(address, settings, store, metrics_networks=[ip_network("10.1.0.0/16")]) as client:
        assert (await client.get("/metrics")).status_code == status


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}])
async def test_other_sites_page_in_a_named_network_reads_no_metrics(
    settings: GatewaySettings, store: Store, headers: dict[str, str]
) -> None:
    async with client_at("10.1.2.3", settings, store, metrics_networks=[ip_network("10.1.0.0/16")]) as client:
        assert (await client.get("/metrics", headers=headers)).status_code == 403


async def test_key_for_metrics_opens_nothing_else(settings: GatewaySettings, store: Store, tmp_path: Path) -> None:
    key_file = tmp_path / "metrics-key"
    key_file.write_text("m" * 40 + "\n")
    headers = {"Authorization": f"Bearer {'m' * 40}"}

    async with client_at("10.1.2.3", settings, store, metrics_key_file=key_file) as client:
        paths = ("/metrics", "/api/v1/status", URL)
        statuses = [(await client.get(path, headers=headers)).status_code for path in paths]

    assert statuses == [200, 401, 401]


@pytest.mark.parametrize("content", ["", "short"])
def test_key_file_without_a_decent_key_ends_the_start(
    settings: GatewaySettings, store: Store, tmp_path: Path, content: str
) -> None:
    (tmp_path / "metrics-key").write_text(content)
    settings = settings.model_copy(update={"metrics_key_file": tmp_path / "metrics-key"})

    with pytest.raises(ValueError, match="32 characters"):
        build(settings, store=store, servers={"http://inference": RednessInference()}, bus=MemoryBus())
