"""What open pages are told: alarms, folders and slides, as they change."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import HttpUrl

from idc_contracts import ALARM_STATE, AlarmState, Lamps, utc_now
from idc_contracts.slides import SlideState
from idc_gateway.errors import Busy
from idc_gateway.live import live as live_module
from idc_gateway.live.changes import Changes
from idc_gateway.settings import GatewaySettings
from support.asgi_stream import AsgiStream
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_accounts import KEY, OWN, SESSION, key_of
from support.gateway_fakes import MemoryBus
from support.slides_fake import FakeSlides, made_slide, screened_slide, serving

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


def told(stream: AsgiStream, kind: str) -> list[dict[str, Any]]:
    """The documents of all events of a kind so far."""
    blocks = [block.splitlines() for block in stream.body.decode().split("\n\n") if block]
    return [json.loads(data.removeprefix("data: ")) for event, data in blocks if event == f"event: {kind}"]


@asynccontextmanager
async def listening(app: FastAPI, headers: dict[str, str] | None = None) -> AsyncIterator[AsgiStream]:
    stream = AsgiStream(app, "/api/v1/live", headers or AUTHORIZED)
    await eventually(lambda: bool(told(stream, "alarms") and told(stream, "reload")))
    yield stream
    await stream.close()


def report(bus: MemoryBus, *, red: bool) -> None:
    state = AlarmState(source="alarm", lamps=Lamps(red=red), buzzer=red, changed_at=utc_now())
    bus.deliver(ALARM_STATE.at(site="site", device="alarm"), state.to_payload())


def red_lamps(stream: AsgiStream) -> list[bool]:
    """Those of the last report."""
    return [alarm["lamps"]["red"] for alarm in told(stream, "alarms")[-1]["items"]]


async def test_alarms_are_told_at_once_and_after_each_report(app: FastAPI, bus: MemoryBus) -> None:
    report(bus, red=False)
    async with listening(app) as stream:
        assert told(stream, "alarms")[0]["items"][0]["lamps"]["red"] is False

        report(bus, red=True)

        await eventually(lambda: told(stream, "alarms")[-1]["items"][0]["lamps"]["red"] is True)


async def test_broker_that_goes_away_is_told(app: FastAPI, bus: MemoryBus) -> None:
    async with listening(app) as stream:
        bus.disconnect()

        await eventually(lambda: told(stream, "alarms")[-1]["broker_connected"] is False)


async def test_forgotten_alarm_is_told(app: FastAPI, bus: MemoryBus, client: httpx.AsyncClient) -> None:
    report(bus, red=True)
    async with listening(app) as stream:
        await client.delete("/api/v1/alarms/alarm")

        await eventually(lambda: told(stream, "alarms")[-1]["items"] == [])


async def test_folder_is_told_with_its_counts_when_patches_come(app: FastAPI, client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    async with listening(app) as stream:
        await client.put(f"/api/v1/folders/{identity}", json={"name": "b1"})
        await eventually(lambda: [one["name"] for one in told(stream, "folder")] == ["b1"])

        await client.post("/api/v1/classifications", content=solid_png((250, 0, 0)), params={"folder": identity})

        await eventually(lambda: told(stream, "folder")[-1]["counts"]["idc"] == 1)


async def test_deleted_folder_is_told(app: FastAPI, client: httpx.AsyncClient) -> None:
    before, identity = str(uuid4()), str(uuid4())
    for folder in (before, identity):
        await client.put(f"/api/v1/folders/{folder}", json={"name": "b1"})
    await client.delete(f"/api/v1/folders/{before}")
    async with listening(app) as stream:
        await client.delete(f"/api/v1/folders/{identity}")

        await eventually(lambda: told(stream, "folder-removed") == [{"id": identity}])


async def test_nobody_is_told_what_happened_before_they_listened(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.put(f"/api/v1/folders/{uuid4()}", json={"name": "before"})

    async with listening(app) as stream:
        await client.put(f"/api/v1/folders/{uuid4()}", json={"name": "after"})

        await eventually(lambda: bool(told(stream, "folder")))
        assert [one["name"] for one in told(stream, "folder")] == ["after"]


async def test_stream_ends_with_the_session_and_says_so(
    app: FastAPI, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await browser.post(SESSION, json={"key": KEY})
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with listening(app, {"Cookie": cookies, **OWN}) as stream:
        await browser.delete(SESSION)
        await app.state.gateway.access.running.check()

        await eventually(lambda: stream.is_over)
    assert "event: authority-ended" in stream.body.decode()


async def test_stream_needs_a_key_that_may_read(app: FastAPI, client: httpx.AsyncClient) -> None:
    sender = await key_of(client, "sender", None, scopes=["classify"])
    for headers, status in (({}, 401), (sender, 403)):
        stream = AsgiStream(app, "/api/v1/live", headers)
        await eventually(lambda stream=stream: stream.is_over)  # type: ignore[misc]
        assert stream.status == status


async def test_client_that_does_not_read_delays_nobody_and_gets_the_last_state(app: FastAPI, bus: MemoryBus) -> None:
    async with listening(app) as slow:
        quick = AsgiStream(app, "/api/v1/live", AUTHORIZED)
        await eventually(lambda: bool(told(quick, "alarms")))
        slow.may_read.clear()
        for red in (True, False) * 20:
            report(bus, red=red)
            await eventually(lambda red=red: red_lamps(quick) == [red])  # type: ignore[misc]

        slow.may_read.set()
        last = told(quick, "alarms")[-1]
        await eventually(lambda: told(slow, "alarms")[-1] == last)
        assert len(told(slow, "alarms")) < len(told(quick, "alarms")), "what is outdated is skipped"
        await quick.close()


async def test_listeners_are_bounded_and_make_room_when_they_leave(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "MAX_LISTENERS", 1)
    live = app.state.gateway.live
    first = live.follow()
    await anext(first)
    with pytest.raises(Busy, match="close one"):
        await anext(live.follow())

    await first.aclose()

    second = live.follow()
    await anext(second)
    await second.aclose()


async def test_page_that_is_too_far_behind_is_told_to_start_over() -> None:
    changes = Changes(most=2)
    for number in range(4):
        changes.put("slide", str(number), "{}")

    assert changes.after(0) is None
    assert [change.number for change in changes.after(2) or []] == [3, 4]
    assert changes.after(4) == []


async def test_thing_that_changes_often_is_kept_once() -> None:
    changes = Changes(most=2)
    for number in range(9):
        changes.put("slide", "a", str(number))

    assert [change.document for change in changes.after(0) or []] == ["8"]


@asynccontextmanager
async def following(app: FastAPI, slides: FakeSlides) -> AsyncIterator[AsgiStream]:
    """A stream that has begun to tell of slides: a first look asks for three lists, and the next one follows it."""
    async with listening(app) as stream:
        await eventually(lambda: slides.callers.count(("", "GET", "/slides")) > 3)
        yield stream


class TestSlides:
    """With a slides service, over real HTTP."""

    @pytest.fixture
    def slides(self) -> FakeSlides:
        return FakeSlides()

    @pytest.fixture
    async def settings(self, settings: GatewaySettings, slides: FakeSlides) -> AsyncIterator[GatewaySettings]:
        with serving(slides) as address:
            yield settings.model_copy(update={"slides_url": HttpUrl(address)})
            await asyncio.sleep(0)

    async def test_progress_and_end_of_a_slide_are_told(self, app: FastAPI, slides: FakeSlides) -> None:
        slide = made_slide(state=SlideState.RUNNING, progress=0.1)
        slides.slides[slide.id] = slide
        async with following(app, slides) as stream:
            slides.slides[slide.id] = slide.model_copy(update={"progress": 0.6})
            await eventually(lambda: bool(told(stream, "slide")) and told(stream, "slide")[-1]["progress"] == 0.6)

            slides.slides[slide.id] = screened_slide("idc", id=slide.id)

            await eventually(lambda: told(stream, "slide")[-1]["state"] == "done")

    async def test_new_slide_is_told(self, app: FastAPI, slides: FakeSlides) -> None:
        async with following(app, slides) as stream:
            slide = made_slide("new.svs", SlideState.NEEDS_SCALE)
            slides.slides[slide.id] = slide

            await eventually(lambda: [one["name"] for one in told(stream, "slide")] == ["new.svs"])

    async def test_deleted_slide_is_told(self, app: FastAPI, slides: FakeSlides) -> None:
        running, done = made_slide(state=SlideState.RUNNING), screened_slide("no_idc")
        slides.slides |= {slide.id: slide for slide in (running, done)}
        async with following(app, slides) as stream:
            slides.slides.pop(running.id)
            await eventually(lambda: told(stream, "slide-removed") == [{"id": str(running.id)}])
            before = len(told(stream, "reload"))

            slides.slides.pop(done.id)

            await eventually(lambda: len(told(stream, "reload")) > before)

    async def test_service_that_is_away_delays_no_alarm_and_the_list_is_told_anew_after_it(
        self, app: FastAPI, bus: MemoryBus, slides: FakeSlides, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live_module, "RETRY_S", 0.05)
        async with following(app, slides) as stream:
            slides.is_hanging = True
            await asyncio.sleep(0)
            report(bus, red=True)
            await eventually(lambda: bool(told(stream, "alarms")[-1]["items"]))
            slides.is_hanging = False
            slide = made_slide("after.svs", SlideState.NEEDS_SCALE)
            slides.slides[slide.id] = slide

            await eventually(lambda: bool(told(stream, "slide")))
