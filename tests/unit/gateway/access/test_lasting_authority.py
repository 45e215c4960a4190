"""What runs on a key or session ends with it, and says why."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from idc_contracts import utc_now
from idc_gateway.access.accounts import ApiKey, Caller
from idc_gateway.access.digests import secret_digest
from idc_gateway.access.keys import REMEMBERED_FOR
from idc_gateway.access.running_requests import CHECK_EVERY_S, STREAMS_PER_CALLER, RunningRequests
from idc_gateway.access.scopes import Role
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable, Unauthenticated
from idc_gateway.results.feed import MAX_WATCHERS
from idc_gateway.store import Store, open_store
from support.asgi_stream import AsgiStream
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_accounts import OWN, PASSWORD, client_of, key_of, sign_up

NEW_PASSWORD = "another staple of horses"
EVENTS = "/api/v1/events"
RED = solid_png((250, 0, 0))


async def signed_in(client: httpx.AsyncClient, app: FastAPI) -> httpx.AsyncClient:
    """The browser of eva, an operator, with a password."""
    browser = client_of(app, OWN)
    await sign_up(client, browser, role="operator")
    return browser


def cookie_of(browser: httpx.AsyncClient) -> dict[str, str]:
    return {"Cookie": f"idc_session={browser.cookies['idc_session']}", **OWN}


async def begun(stream: AsgiStream) -> AsgiStream:
    await eventually(lambda: stream.status != 0 or stream.is_over, 30)
    assert stream.status == 200, stream.body
    return stream


async def ends(app: FastAPI, stream: AsgiStream) -> None:
    """Look again, as the gateway does every few seconds, until the stream is over; what is remembered gets old."""
    async with asyncio.timeout(30):
        while not stream.is_over:
            await app.state.gateway.access.running.check()
            await asyncio.sleep(0.05)


def last_event(stream: AsgiStream) -> tuple[str, dict[str, str]]:
    kind, data = stream.body.decode().rstrip("\n").split("\n\n")[-1].split("\n")
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_revoked_key_gets_the_reason_and_no_more_events(app: FastAPI, client: httpx.AsyncClient) -> None:
    key = await key_of(client, "screen")
    stream = await begun(AsgiStream(app, EVENTS, key))

    await client.delete("/api/v1/keys/screen")
    await ends(app, stream)
    await client.post("/api/v1/classifications", content=RED)

    kind, problem = last_event(stream)
    assert kind == "authority-ended"
    assert problem["type"].endswith(":unauthenticated")
    assert stream.is_whole
    assert b"event: classification" not in stream.body


Act = Callable[[httpx.AsyncClient, httpx.AsyncClient], Awaitable[httpx.Response]]
ENDS: dict[str, Act] = {
    "signed out": lambda _, eva: eva.delete("/api/v1/session"),
    "removed": lambda admin, _: admin.delete("/api/v1/users/eva"),
    "another role": lambda admin, _: admin.put("/api/v1/users/eva/role", json={"role": "viewer"}),
    "new password": lambda _, eva: eva.put(
        "/api/v1/session/password", json={"password": NEW_PASSWORD, "old_password": PASSWORD}
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_whatever_ends_a_session_ends_its_stream(app: FastAPI, client: httpx.AsyncClient, end: str) -> None:
    browser = await signed_in(client, app)
    stream = await begun(AsgiStream(app, EVENTS, cookie_of(browser)))

    answer = await ENDS[end](client, browser)
    assert answer.is_success, answer.text
    await ends(app, stream)

    assert last_event(stream)[0] == "authority-ended"
    await browser.aclose()


async def test_key_that_expires_ends_its_stream(app: FastAPI, client: httpx.AsyncClient, store: Store) -> None:
    now = utc_now()
    key = ApiKey("short", Role.VIEWER.scopes, now, now + timedelta(seconds=2))
    store.accounts.add_key(key, secret_digest("s" * 40), AuditEvent("key.created", "first", "short", now))
    stream = await begun(AsgiStream(app, EVENTS, {"Authorization": "Bearer " + "s" * 40}))

    await ends(app, stream)

    assert "expired" in last_event(stream)[1]["detail"]


async def test_key_that_another_gateway_revokes_ends_its_stream_here(
    app: FastAPI, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    key = await key_of(client, "screen")
    stream = await begun(AsgiStream(app, EVENTS, key))
    other = open_store(f"sqlite:///{tmp_path / 'gateway.sqlite3'}")

    other.accounts.delete_key("screen", AuditEvent("key.revoked", "eva", "screen", utc_now()))
    await ends(app, stream)
    other.database.close()

    assert last_event(stream)[0] == "authority-ended"


async def test_form_in_progress_ends_with_its_key_and_the_last_line_says_so(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    key = await key_of(client, "scanner")
    part = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n' + RED + b"\r\n"
    headers = {**key, "Content-Type": "multipart/form-data; boundary=x", "Accept": "application/x-ndjson"}
    stream = AsgiStream(app, "/api/v1/classifications", headers, method="POST", body=part, more_body=True)
    await client.delete("/api/v1/keys/scanner")

    await ends(app, stream)

    said = json.loads(stream.body.splitlines()[-1])
    assert "not known here" in str(said)


async def test_export_that_loses_its_key_is_cut_off_and_audited(app: FastAPI, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post("/api/v1/classifications", content=RED)
    key = await key_of(client, "reader", "viewer")
    stream = AsgiStream(app, "/api/v1/classifications/export?format=csv", key)
    stream.may_read.clear()
    await begun(stream)
    await client.delete("/api/v1/keys/reader")

    await ends(app, stream)

    assert not stream.is_whole
    records = (await client.get("/api/v1/audit", params={"limit": 100})).json()["items"]
    exports = [record for record in records if record["action"].startswith("export.")]
    assert [record["action"] for record in exports] == ["export.ended", "export.begun"]
    assert exports[0]["actor"] == "reader"


async def test_who_keeps_the_key_keeps_the_stream(app: FastAPI, client: httpx.AsyncClient) -> None:
    await key_of(client, "other")
    stream = await begun(AsgiStream(app, EVENTS, await key_of(client, "screen")))

    await client.delete("/api/v1/keys/other")
    await app.state.gateway.access.running.check()
    await client.post("/api/v1/classifications", content=RED)
    await eventually(lambda: b"event: classification" in stream.body, 30)

    assert not stream.is_over
    await stream.close()


async def test_database_that_does_not_answer_ends_nothing() -> None:
    def holder(_sha256: str) -> Caller:
        raise StoreUnavailable("no answer")

    requests = RunningRequests(holder, holder)
    async with asyncio.timeout(None) as deadline:
        with requests.one(deadline) as running:
            running.caller = Caller("k", is_browser=False, scopes=frozenset(), sha256="0" * 64)
            await requests.check()
            await asyncio.sleep(0)

    assert running.ended_by is None


async def test_gateway_looks_by_itself_often_enough() -> None:
    def holder(_sha256: str) -> Caller:
        raise Unauthenticated("revoked")

    requests = RunningRequests(holder, holder, check_every_s=0.01)
    looking = asyncio.create_task(requests.run())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as deadline:
            with requests.one(deadline) as running:
                running.caller = Caller("k", is_browser=False, scopes=frozenset(), sha256="0" * 64)
                await asyncio.sleep(60)
    looking.cancel()

    assert 2 * CHECK_EVERY_S + REMEMBERED_FOR.total_seconds() < 15


async def test_one_caller_cannot_take_all_streams(app: FastAPI, client: httpx.AsyncClient) -> None:
    mine = await key_of(client, "mine")
    streams = [await begun(AsgiStream(app, EVENTS, mine)) for _ in range(STREAMS_PER_CALLER)]

    refused = await client.get(EVENTS, headers=mine)
    other = await begun(AsgiStream(app, EVENTS, await key_of(client, "other")))

    assert refused.status_code == 503
    assert "16 streams" in refused.json()["detail"]
    for stream in [*streams, other]:
        await stream.close()


async def test_watchers_are_bounded_and_make_room_when_they_leave(app: FastAPI, client: httpx.AsyncClient) -> None:
    keys = [await key_of(client, f"k{number}") for number in range(MAX_WATCHERS // STREAMS_PER_CALLER)]
    streams = [await begun(AsgiStream(app, EVENTS, key)) for key in keys for _ in range(STREAMS_PER_CALLER)]

    refused = await client.get(EVENTS)
    for stream in streams:
        await stream.close()
    late = await begun(AsgiStream(app, EVENTS, keys[0]))
    await late.close()

    assert refused.status_code == 503
