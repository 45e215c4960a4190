"""Who may ask what."""

import re
import sqlite3
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from idc_gateway.composition import build
from idc_gateway.settings import GatewaySettings
from idc_gateway.web.routes.page import BUILT
from support.demo_patches import solid_png
from support.gateway_accounts import KEY, OWN
from support.gateway_fakes import MemoryBus, RednessInference

BUILT_PAGE = pytest.param(
    "/", marks=pytest.mark.skipif(not BUILT.is_dir(), reason="the page is not built: `make page` builds it")
)
PUBLIC = {"/", "/docs", "/openapi.json", "/livez", "/readyz", "/api/v1/session"}


def _endpoints(app: FastAPI) -> set[tuple[str, str]]:
    ids = dict.fromkeys(("result_id", "folder_id", "slide_id"), "00000000-0000-4000-8000-000000000000")
    values = (
        dict.fromkeys(("level", "column", "row"), "0")
        | ids
        | {
            "device": "alarm",
            "name": "someone",
        }
    )
    return {
        (method.upper(), re.sub(r"{(\w+)}", lambda found: values.get(found[1], found[0]), path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }


async def test_every_endpoint_but_the_named_ones_needs_a_key(app: FastAPI, stranger: httpx.AsyncClient) -> None:
    endpoints = _endpoints(app)
    answers = {(method, path): await stranger.request(method, path) for method, path in endpoints}

    refused = {endpoint for endpoint, answer in answers.items() if answer.status_code == 401}
    assert len(endpoints) >= 10
    assert {path for _, path in endpoints - refused} <= PUBLIC
    assert ("GET", "/api/v1/session") in refused


def test_what_is_mounted_beside_the_endpoints_is_static(app: FastAPI) -> None:
    assert {route.path for route in app.routes if isinstance(route, Mount)} == {"/page", "/static", "/swagger-ui"}


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer " + "x" * 5000, "Basic aWRjOmlkYw==", "Bearer", f"bearer{KEY}", f"Token {KEY}"]
)
async def test_wrong_key_is_refused_with_the_scheme_to_use(stranger: httpx.AsyncClient, header: str) -> None:
    answer = await stranger.get("/api/v1/classifications", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_key_is_checked_before_the_body_is_read(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.post("/api/v1/classifications", content=bytes(10_000_000))).status_code == 401


async def test_only_the_digest_of_the_key_is_stored(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await client.get("/api/v1/classifications")

    dump = "\n".join(sqlite3.connect(tmp_path / "gateway.sqlite3").iterdump())

    assert "first" in dump
    assert KEY not in dump


async def test_signed_in_page_may_do_what_the_key_may(stranger: httpx.AsyncClient) -> None:
    signed_in = await stranger.post("/api/v1/session", json={"key": KEY}, headers=OWN)

    cookie = signed_in.headers["Set-Cookie"]
    assert signed_in.status_code == 204
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    posted = await stranger.post("/api/v1/classifications", content=solid_png((0, 0, 0)), headers=OWN)
    assert posted.status_code == 201
    assert (await stranger.get("/api/v1/session")).json()["name"] == "first"


async def test_signing_out_ends_the_session_at_the_server(stranger: httpx.AsyncClient) -> None:
    await stranger.post("/api/v1/session", json={"key": KEY}, headers=OWN)
    cookie = f"idc_session={stranger.cookies['idc_session']}"

    signed_out = await stranger.delete("/api/v1/session", headers=OWN)

    assert signed_out.status_code == 204
    assert (await stranger.get("/api/v1/session", headers={"Cookie": cookie})).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}, {}],
)
async def test_other_site_cannot_use_the_session(stranger: httpx.AsyncClient, headers: dict[str, str]) -> None:
    await stranger.post("/api/v1/session", json={"key": KEY}, headers=OWN)

    answer = await stranger.post("/api/v1/classifications", content=solid_png((0, 0, 0)), headers=headers)

    assert answer.status_code == 403
    assert answer.json()["type"].endswith("cross-site")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://gateway:3000"}]
)
async def test_other_port_of_the_same_host_cannot_read_with_the_session(
    stranger: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """SameSite=Strict takes all ports of a host for one site; an export is recorded as its user's."""
    await stranger.post("/api/v1/session", json={"key": KEY}, headers=OWN)

    for path in ("classifications/export", "events", "classifications"):
        assert (await stranger.get(f"/api/v1/{path}", headers=headers)).status_code == 403


async def test_browser_without_fetch_metadata_is_known_by_its_origin(stranger: httpx.AsyncClient) -> None:
    own = {"Origin": "http://gateway"}
    await stranger.post("/api/v1/session", json={"key": KEY}, headers=own)

    answer = await stranger.post("/api/v1/classifications", content=solid_png((0, 0, 0)), headers=own)

    assert answer.status_code == 201


async def test_wrong_key_opens_no_session(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/api/v1/session", json={"key": "wrong"}, headers=OWN)

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


async def test_made_up_session_is_refused(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/api/v1/classifications", headers={"Cookie": "idc_session=" + "a" * 43})

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/docs", "/livez"])
async def test_page_runs_only_its_own_scripts_and_cannot_be_framed(stranger: httpx.AsyncClient, path: str) -> None:
    policy = (await stranger.get(path)).headers["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_results_are_not_cached(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/classifications")).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [BUILT_PAGE, "/docs", "/static/docs.js", "/swagger-ui/swagger-ui.css"])
async def test_page_needs_nothing_from_elsewhere(stranger: httpx.AsyncClient, path: str) -> None:
    answer = await stranger.get(path)

    assert answer.status_code == 200
    assert 'src="http' not in answer.text
    assert 'href="http' not in answer.text
    assert "@import" not in answer.text


def test_missing_first_key_ends_the_start(settings: GatewaySettings) -> None:
    settings.first_api_key_file.unlink()

    with pytest.raises(FileNotFoundError):
        build(settings, servers={"http://inference": RednessInference()}, bus=MemoryBus())


def test_short_first_key_ends_the_start(settings: GatewaySettings) -> None:
    settings.first_api_key_file.write_text("idc\n")

    with pytest.raises(ValueError, match="32 characters"):
        build(settings, servers={"http://inference": RednessInference()}, bus=MemoryBus())


@pytest.mark.parametrize("origin", ["http://[", "http://gateway]", "null", "//", "x"])
async def test_origin_that_no_browser_sends_is_another_site(stranger: httpx.AsyncClient, origin: str) -> None:
    answer = await stranger.post("/api/v1/session", json={"key": KEY}, headers={"Origin": origin})

    assert answer.status_code == 403
