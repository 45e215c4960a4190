"""The 2018 endpoints answer as they did, and are open only to whom the settings name."""

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.access.throttle import RequestRates
from idc_gateway.settings import GatewaySettings
from support.asgi_stream import AsgiStream
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_accounts import client_of

RED, DARK, MID = solid_png((255, 0, 0)), solid_png((0, 0, 0)), solid_png((128, 0, 0))
PATHS = ["/api/infer", "/api/IDC/infer"]


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: GatewaySettings) -> GatewaySettings:
    networks = {"legacy_open_networks": getattr(request, "param", []), "max_requests_in_progress": 4}
    return GatewaySettings.model_validate({**settings.model_dump(), **networks, "mqtt": settings.mqtt})


@pytest.mark.parametrize(
    ("image", "results", "message", "confidence"),
    [(RED, 1, "IDC Detected!", 1.0), (DARK, 0, "IDC Not Detected!", 0.0), (MID, 0, "Uncertain: ", 128 / 255)],
)
async def test_confidence_is_the_probability_of_idc_whatever_the_result(
    client: httpx.AsyncClient, image: bytes, results: int, message: str, confidence: float
) -> None:
    answer = (await client.post("/api/IDC/infer", content=image)).json()

    assert list(answer) == ["Response", "ResponseMessage", "Results", "Confidence"]
    assert (answer["Response"], answer["Results"]) == ("OK", results)
    assert answer["ResponseMessage"].startswith(message)
    assert "Confidence is P(IDC)" in answer["ResponseMessage"]
    assert answer["Confidence"] == pytest.approx(confidence)


@pytest.mark.parametrize("path", PATHS)
async def test_form_with_one_image_is_taken_and_with_two_is_not(client: httpx.AsyncClient, path: str) -> None:
    one = await client.post(path, files=[("images", ("a.png", RED))])
    two = await client.post(path, files=[("images", ("a.png", RED))] * 2)

    assert (one.status_code, one.json()["Results"]) == (200, 1)
    assert two.status_code == 400


@pytest.mark.parametrize("path", PATHS)
async def test_key_is_needed_unless_a_setting_says_otherwise(app: FastAPI, path: str) -> None:
    async with client_of(app, address="127.0.0.1") as local:
        assert (await local.post(path, content=RED)).status_code == 401


@pytest.mark.parametrize("settings", [["192.168.7.0/24", "fd00::/8"]], indirect=True)
@pytest.mark.parametrize(
    ("address", "status"),
    [("192.168.7.9", 200), ("fd00::1", 200), ("192.168.8.9", 401), ("unix", 401), ("::ffff:192.168.7.9", 401)],
)
async def test_named_networks_need_no_key_for_these_endpoints_alone(app: FastAPI, address: str, status: int) -> None:
    async with client_of(app, address=address) as client:
        assert (await client.post("/api/infer", content=RED)).status_code == status
        assert (await client.post("/api/v1/classifications", content=RED)).status_code == 401
        assert (await client.get("/api/v1/classifications")).status_code == 401


@pytest.mark.parametrize("settings", [["192.168.7.0/24"]], indirect=True)
async def test_forged_header_opens_nothing(app: FastAPI) -> None:
    async with client_of(app, address="203.0.113.5") as client:
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
            answer = await client.post("/api/infer", content=RED, headers={header: "192.168.7.9"})
            assert answer.status_code == 401


@pytest.mark.parametrize("settings", [["192.168.7.0/24"]], indirect=True)
async def test_wrong_key_from_a_named_network_is_still_wrong(app: FastAPI) -> None:
    async with client_of(app, address="192.168.7.9") as client:
        answer = await client.post("/api/infer", content=RED, headers={"Authorization": "Bearer wrong"})

    assert answer.status_code == 401


@pytest.mark.parametrize("settings", [["192.168.7.0/24"]], indirect=True)
async def test_audit_names_the_address_that_had_no_key(app: FastAPI, client: httpx.AsyncClient) -> None:
    async with client_of(app, address="192.168.7.9") as open_client:
        await open_client.post("/api/infer", content=RED)

    record = (await client.get("/api/v1/audit", params={"limit": 1})).json()["items"][0]
    assert record["actor"] == "legacy-192.168.7.9"


@pytest.mark.parametrize("settings", [["192.168.7.0/24"]], indirect=True)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://192.168.7.1:8080"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://192.168.7.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://192.168.7.1:8080"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Host": "192.168.7.1:8080"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),
        ({"Host": "idc-box.hospital.example"}, 200),
    ],
    ids=str,
)
async def test_other_sites_page_in_an_open_network_is_refused(
    app: FastAPI, path: str, headers: dict[str, str], status: int
) -> None:
    """A form or script of any page that somebody in that network opens could sound the alarm."""
    async with client_of(app, address="192.168.7.9") as browser:
        answer = await browser.post(path, content=RED, headers={"Host": "192.168.7.1:8080", **headers})

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"].endswith("cross-site")


@pytest.mark.parametrize("settings", [["fd00::/8"]], indirect=True)
async def test_rate_of_open_networks_counts_by_network(app: FastAPI) -> None:
    app.state.gateway.access.rates = RequestRates(2)
    statuses = []
    for address in ("fd00::1", "fd00::2", "fd00::3", "fd00:0:0:1::1"):
        async with client_of(app, address=address) as client:
            statuses.append((await client.post("/api/infer", content=RED)).status_code)

    assert statuses == [200, 200, 429, 200]


@pytest.mark.parametrize("settings", [["192.168.7.0/24"]], indirect=True)
async def test_slow_client_without_a_key_leaves_room_for_others(app: FastAPI, client: httpx.AsyncClient) -> None:
    slow = [AsgiStream(app, "/api/infer", {}, method="POST", more_body=True, client="192.168.7.9") for _ in range(6)]
    await eventually(lambda: sum(stream.status == 503 for stream in slow) == 4, 30)

    answer = await client.post("/api/v1/classifications", content=RED)
    for stream in slow:
        await stream.close()

    assert answer.status_code == 201
