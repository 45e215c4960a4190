"""A gateway without a slides service, or before one that is away."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import HttpUrl

from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png
from support.eventually import eventually
from support.free_port import free_port

URL = "/api/v1/slides"


@pytest.fixture(params=["none", "away"])
def settings(settings: GatewaySettings, request: pytest.FixtureRequest) -> GatewaySettings:
    url = None if request.param == "none" else HttpUrl(f"http://127.0.0.1:{free_port()}")
    return settings.model_copy(update={"slides_url": url})


async def test_slides_get_a_problem_and_patches_their_results(
    client: httpx.AsyncClient, app: FastAPI, settings: GatewaySettings
) -> None:
    answer = await client.get(URL)

    if settings.slides_url is None:
        assert answer.status_code == 404
        assert answer.json()["type"].endswith(":no-slides-service")
        assert "GATEWAY_SLIDES_URL" in answer.json()["detail"]
    else:
        assert answer.status_code == 503
        assert answer.json()["type"].endswith(":slides-unavailable")
        assert answer.headers["retry-after"] == "5"
    await eventually(lambda: app.state.gateway.inference.is_ready)
    assert (await client.post("/api/v1/classifications", content=solid_png((250, 0, 0)))).status_code == 201
    assert (await client.get("/readyz")).status_code == 200


async def test_status_says_what_is_with_slides(
    client: httpx.AsyncClient, app: FastAPI, settings: GatewaySettings
) -> None:
    slides = app.state.gateway.slides
    if settings.slides_url is not None:
        await eventually(lambda: slides.follower.trouble is not None)

    status = (await client.get("/api/v1/status")).json()

    if settings.slides_url is None:
        assert status["slides"] == "off"
        assert not any("slides" in reason for reason in status["degraded"])
    else:
        assert "does not answer" in status["slides"]
        assert any(reason.startswith("screened slides are not announced") for reason in status["degraded"])
