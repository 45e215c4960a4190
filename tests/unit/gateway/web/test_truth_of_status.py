"""Readiness, status and models say what is so, in odd states too."""

from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.errors import ImagesUnavailable, InferenceUnavailable, StoreUnavailable
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.inference.circuit_breaker import FAILURES_TO_OPEN
from idc_gateway.inference.endpoint import MISSES_TO_DOUBT, Endpoint
from idc_gateway.inference.ports import EncodedImage, ModelDescription, Prediction
from idc_gateway.shared_check import SharedCheck
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryImages, RednessInference

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"


class Mute(RednessInference):
    """Answers no look."""

    async def is_ready(self) -> bool:
        raise InferenceUnavailable("no answer")


class Failing(RednessInference):
    """Says that it is ready, and is not."""

    async def predict(self, _images: Sequence[EncodedImage], _request_id: str) -> list[Prediction]:
        raise InferenceUnavailable("no answer")


class OtherModel(RednessInference):
    """Has a newer version."""

    async def describe(self) -> ModelDescription:
        return replace(await super().describe(), version="9", sha256="9" * 64)


async def _serve(app: FastAPI, **servers: RednessInference) -> BalancedInference:
    endpoints = [Endpoint(f"http://{name}", server) for name, server in servers.items()]
    inference = BalancedInference(endpoints, timeout_s=5)
    app.state.gateway.inference = inference
    for _ in range(MISSES_TO_DOUBT):
        await inference.look()
    return inference


async def test_image_store_that_fails_is_not_ready_until_an_image_can_be_stored(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, app: FastAPI, images: MemoryImages
) -> None:
    await eventually(lambda: app.state.gateway.inference.is_ready)
    images.failure = ImagesUnavailable("the disk is full")
    assert (await client.post(URL, content=RED)).status_code == 503

    ill = await stranger.get("/readyz")
    told = (await client.get("/api/v1/status")).json()["degraded"]
    images.failure = None
    well = await stranger.get("/readyz")

    assert (ill.status_code, ill.json()["checks"]["images"]) == (503, "failed: the disk is full")
    assert told == ["the image store: failed: the disk is full"]
    assert (well.status_code, (await client.get("/api/v1/status")).json()["degraded"]) == (200, [])
    assert images.images == {}


async def test_store_that_takes_no_writes_is_not_called_ok(client: httpx.AsyncClient, app: FastAPI) -> None:
    await eventually(lambda: app.state.gateway.inference.is_ready)

    def fail() -> None:
        raise StoreUnavailable("the disk is full")

    app.state.gateway.store_check = SharedCheck(fail, timeout_s=60)

    status = (await client.get("/api/v1/status")).json()

    assert status["store"] == "failed: the disk is full"
    assert status["degraded"] == ["the database: failed: the disk is full"]


async def test_each_server_that_is_out_is_named_though_another_one_serves(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, app: FastAPI
) -> None:
    refusing = RednessInference()
    refusing.ready = False
    await _serve(app, good=RednessInference(), mute=Mute(), refusing=refusing)

    status = (await client.get("/api/v1/status")).json()

    assert status["inference_ready"] is True
    assert status["degraded"] == [
        "the inference server http://mute gives invalid answers",
        "the inference server http://refusing reports not ready: it has no model, or its device does not work",
    ]
    assert (await stranger.get("/readyz")).json()["checks"]["inference"] == "ok"


async def test_server_that_says_ready_and_fails_is_not_called_mute(stranger: httpx.AsyncClient, app: FastAPI) -> None:
    inference = await _serve(app, failing=Failing())
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(InferenceUnavailable):
            await inference.predict([EncodedImage(RED)], "one")

    answer = (await stranger.get("/readyz")).json()

    assert answer["checks"]["inference"] == "failed: a server reports ready, but fails at requests"


async def test_model_is_ready_only_where_a_server_that_has_it_is(client: httpx.AsyncClient, app: FastAPI) -> None:
    other = OtherModel()
    other.ready = False
    await _serve(app, good=RednessInference(), other=other)

    models = (await client.get("/api/v1/models")).json()["items"]

    assert {model["version"]: model["ready"] for model in models} == {"1": True, "9": False}
