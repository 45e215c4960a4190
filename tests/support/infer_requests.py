"""Asks an inference application in the same process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from idc_inference.app import create_app, open_repository
from idc_inference.metrics import Metrics
from idc_inference.protocol.tensors import join_elements
from idc_inference.settings import InferenceSettings
from support.inference_fakes import RednessEngine, serve_fake


def body_of(images: list[bytes]) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request with encoded images."""
    tail = join_elements(images)
    tensor = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [len(images)],
        "parameters": {"binary_data_size": len(tail)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + tail, {"Inference-Header-Content-Length": str(len(head))}


async def post(client: httpx.AsyncClient, images: list[bytes], path: str = "/v2/models/idc/infer") -> httpx.Response:
    content, headers = body_of(images)
    return await client.post(path, content=content, headers=headers)


@asynccontextmanager
async def asked(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


def app_around(settings: InferenceSettings, engine: RednessEngine) -> Starlette:
    """An application that runs every model on this engine."""
    metrics = Metrics()
    return create_app(settings, open_repository(settings, metrics, serve_fake(engine)), metrics)
