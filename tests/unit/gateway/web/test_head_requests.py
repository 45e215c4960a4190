"""HEAD is answered wherever GET is, with the same head and no body."""

import httpx
import pytest
from fastapi import FastAPI

from support.demo_patches import solid_png
from support.eventually import eventually

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"
FROM_TIME_TO_TIME = {"x-request-id", "date", "etag", "content-length"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/livez",
        "/readyz",
        "/openapi.json",
        "/static/docs.js",
        "/swagger-ui/swagger-ui.css",
        "/nothing",
        URL,
        f"{URL}?limit=0",
        "/api/v1/status",
        "/api/v1/models",
        "/api/v1/alarms",
        "/api/v1/audit",
    ],
)
async def test_head_is_the_head_of_get(client: httpx.AsyncClient, app: FastAPI, path: str) -> None:
    await eventually(lambda: app.state.gateway.inference.is_ready)
    got = await client.get(path)

    head = await client.head(path)

    assert head.status_code == got.status_code
    assert head.content == b""
    assert set(head.headers) == set(got.headers)
    for name in set(got.headers) - FROM_TIME_TO_TIME:
        assert head.headers[name] == got.headers[name]


async def test_head_of_a_result_and_its_image_has_type_length_and_tag(client: httpx.AsyncClient) -> None:
    item = (await client.post(URL, content=RED)).json()["items"][0]

    for path in (f"{URL}/{item['id']}", f"{URL}/{item['id']}/image"):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "etag"):
            assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/api/v1/events", f"{URL}/export"])
async def test_head_of_a_stream_ends(client: httpx.AsyncClient, path: str) -> None:
    head = await client.head(path)

    assert head.content == b""
    assert head.status_code == 200


async def test_head_needs_a_key_where_get_does(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.head(URL)).status_code == 401


async def test_head_is_refused_without_a_get_and_allowed_with_one(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.head("/api/infer")).status_code == 405
    refused = await client.put(URL)

    assert refused.status_code == 405
    assert {"GET", "HEAD", "POST"} <= set(refused.headers["Allow"].split(", "))


async def test_head_is_counted_as_head_under_its_operation(client: httpx.AsyncClient) -> None:
    await client.head("/api/v1/status")

    text = (await client.get("/metrics")).text

    assert 'method="HEAD",operation="get_status"' in text
