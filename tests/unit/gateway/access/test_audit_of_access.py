"""Who came in, who looked at patients' data and who took it away stands in the audit chain."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.access.view_log import REPEAT_AFTER_S, ViewLog
from idc_gateway.errors import StoreUnavailable
from idc_gateway.store import Store
from support.asgi_stream import AsgiStream
from support.audit_records import latest_record
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_accounts import KEY, OWN, PASSWORD, SESSION, client_of, sign_up

URL = "/api/v1/classifications"
RED = solid_png((250, 0, 0))


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, OWN, "192.0.2.1") as client:
        yield client


async def records(client: httpx.AsyncClient, action: str) -> list[dict[str, Any]]:
    items = (await client.get("/api/v1/audit", params={"limit": 200})).json()["items"]
    return [item for item in reversed(items) if item["action"] == action]


async def result(client: httpx.AsyncClient, **labels: str) -> str:
    return str((await client.post(URL, content=RED, params=labels)).json()["items"][0]["id"])


async def test_every_way_in_and_the_way_out_is_recorded(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await sign_up(client, browser)
    await browser.post(SESSION, json={"name": "eva", "password": PASSWORD})
    await browser.delete(SESSION)
    await browser.post(SESSION, json={"key": KEY}, headers={"X-Request-ID": "r-7"})

    came = await records(client, "sign-in.succeeded")
    assert [(r["actor"], r["details"]["by"]) for r in came] == [
        ("eva", "link"),
        ("eva", "password"),
        ("eva", "password"),
        ("first", "key"),
    ]
    assert came[-1]["request_id"] == "r-7"
    assert {r["details"]["source"] for r in came} == {"192.0.2.1"}
    assert [r["actor"] for r in await records(client, "sign-out.succeeded")] == ["eva"]
    for action in ("user.created", "user.link-made", "user.link-used", "user.password-set"):
        assert len(await records(client, action)) == 1, action


async def test_signing_out_without_a_session_records_nothing(client: httpx.AsyncClient) -> None:
    await client.delete(SESSION, headers={"Cookie": "idc_session=" + "a" * 43})

    assert await records(client, "sign-out.succeeded") == []


@pytest.mark.parametrize("secret", [{"key": "x" * 40}, {"link": "x" * 40}, {"name": "eva", "password": "x" * 40}])
async def test_every_way_that_fails_is_recorded_without_what_was_typed(
    client: httpx.AsyncClient, browser: httpx.AsyncClient, secret: dict[str, str]
) -> None:
    await browser.post(SESSION, json=secret)

    (failure,) = await records(client, "sign-in.failed")
    assert failure["subject"] == "192.0.2.1"
    assert "xxx" not in str(failure)
    assert "eva" not in str(failure)


async def test_export_is_recorded_with_what_was_asked_for_and_how_much_went_out(client: httpx.AsyncClient) -> None:
    for patient in ("7", "7", "8"):
        await result(client, patient=patient)

    await client.get(f"{URL}/export", params={"patient": "7", "created_from": "2026-01-01T00:00:00Z"})

    (begun,) = await records(client, "export.begun")
    (ended,) = await records(client, "export.ended")
    asked = {"patient": "7", "created_from": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}
    assert begun["details"] == {"format": "csv", "filter": asked}
    assert ended["details"] == {"format": "csv", "filter": asked, "rows": 2, "whole": True}
    assert begun["actor"] == ended["actor"] == "first"


async def test_export_that_its_client_cuts_off_is_recorded_as_far_as_it_went(
    app: FastAPI, client: httpx.AsyncClient, store: Store
) -> None:
    await result(client)
    stream = AsgiStream(app, f"{URL}/export", {"Authorization": f"Bearer {KEY}"})
    stream.may_read.clear()
    await eventually(lambda: stream.status == 200, 30)
    await stream.close()

    (ended,) = await records(client, "export.ended")
    assert ended["details"]["rows"] in (0, 1)


async def test_nothing_is_exported_or_shown_that_cannot_be_recorded(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = await result(client)

    def full(_events: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store.audit, "record", full)
    answers = [await client.get(f"{URL}{path}") for path in ("", "/export", f"/{identity}", f"/{identity}/image")]

    assert [answer.status_code for answer in answers] == [503] * 4


async def test_reading_patients_data_is_recorded_in_every_way(app: FastAPI, client: httpx.AsyncClient) -> None:
    identity = await result(client, patient="7")
    ways = {
        "results.listed": (URL, {"patient": "7"}),
        "result.viewed": (f"{URL}/{identity}", {}),
        "image.viewed": (f"{URL}/{identity}/image", {}),
        "reviews.viewed": (f"{URL}/{identity}/review", {}),
    }

    for action, (path, params) in ways.items():
        answer = await client.get(path, params=params)
        assert answer.status_code == 200
        (record,) = await records(client, action)
        assert record["actor"] == "first"
        assert record["subject"] in (identity, "classifications")

    assert (await records(client, "results.listed"))[0]["details"] == {"filter": {"patient": "7"}}
    stream = AsgiStream(app, "/api/v1/events", {"Authorization": f"Bearer {KEY}"})
    await eventually(lambda: stream.status == 200, 30)
    await stream.close()
    assert len(await records(client, "results.followed")) == 1


async def test_image_that_is_not_there_was_not_viewed(client: httpx.AsyncClient) -> None:
    await client.get(f"{URL}/00000000-0000-4000-8000-000000000000/image")

    assert await records(client, "image.viewed") == []


async def test_what_is_looked_at_again_and_again_is_recorded_once_in_ten_minutes(
    app: FastAPI, client: httpx.AsyncClient, store: Store
) -> None:
    now_s = 0.0
    views = ViewLog(store.audit, clock=lambda: now_s)
    app.state.gateway.access.views = views

    for _ in range(5):
        await client.get(URL)
        await client.get(URL, params={"patient": "7"})
    once = len(await records(client, "results.listed"))
    now_s += REPEAT_AFTER_S
    await client.get(URL)

    assert once == 2
    assert len(await records(client, "results.listed")) == 3


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("audit", "audit.viewed"),
        ("audit/verification", "audit.verified"),
        ("keys", "keys.listed"),
        ("users", "users.listed"),
    ],
)
async def test_who_reads_what_was_recorded_and_who_has_access_is_recorded(
    client: httpx.AsyncClient, store: Store, path: str, action: str
) -> None:
    assert (await client.get(f"/api/v1/{path}")).status_code == 200

    record = latest_record(store, action)
    assert record is not None
    assert record.event.actor == "first"


async def test_chain_is_verified_where_nothing_can_be_recorded(
    client: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_events: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store.audit, "record", full)
    verified, viewed = await client.get("/api/v1/audit/verification"), await client.get("/api/v1/audit")

    assert verified.json()["intact"] is True
    assert viewed.status_code == 503


async def test_next_holder_of_a_name_looks_for_the_first_time(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    for _ in range(2):
        made = await client.post("/api/v1/keys", json={"name": "lab", "role": "viewer"})
        await browser.get(URL, headers={"Authorization": f"Bearer {made.json()['key']}"})
        await client.delete("/api/v1/keys/lab")

    assert [record["actor"] for record in await records(client, "results.listed")] == ["lab", "lab"]


async def test_key_sent_with_another_users_cookie_signs_no_one_out(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await browser.post(SESSION, json={"key": KEY})

    await client.delete(SESSION, headers={"Cookie": f"idc_session={browser.cookies['idc_session']}"})

    assert (await browser.get(SESSION)).status_code == 200
    assert await records(client, "sign-out.succeeded") == []
