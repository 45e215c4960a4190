"""Uploads by tus pass through the gateway as they arrive, whatever their length, and end where their sender does."""

import asyncio
import base64
import json
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.store import Store
from support.asgi_stream import AsgiStream
from support.eventually import eventually
from support.gateway_accounts import KEY
from support.slides_fake import FakeSlides

URL = "/api/v1/slides/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
OFFSET = {**TUS, "Content-Type": "application/offset+octet-stream"}


def creation(length: int) -> dict[str, str]:
    name = base64.b64encode(b"a.svs").decode()
    return {**TUS, "Upload-Length": str(length), "Upload-Metadata": f"filename {name}"}


async def begin(client: httpx.AsyncClient, length: int) -> str:
    begun = await client.post(URL, headers=creation(length))
    assert begun.status_code == 201, begun.text
    return begun.headers["location"]


def offset(at: int) -> dict[str, str]:
    return {**OFFSET, "Upload-Offset": str(at)}


async def test_upload_in_two_parts_becomes_a_slide_whose_sender_is_recorded(
    client: httpx.AsyncClient, slides: FakeSlides, store: Store
) -> None:
    place = await begin(client, 8)
    assert place.startswith(f"{URL}/")

    first = await client.patch(place, content=b"slid", headers=offset(0))
    assert (first.status_code, first.headers["upload-offset"]) == (204, "4")
    asked = await client.head(place, headers=TUS)
    assert (asked.status_code, asked.headers["upload-offset"], asked.headers["upload-length"]) == (200, "4", "8")
    assert asked.headers["tus-resumable"] == "1.0.0"
    last = await client.patch(place, content=b"e...", headers=offset(4))

    slide = next(iter(slides.slides.values()))
    assert last.headers["x-idc-slide"] == f"/api/v1/slides/{slide.id}"
    assert (await client.get(last.headers["x-idc-slide"])).json()["name"] == "a.svs"
    recorded = {record.event.action: record.event for record in store.audit.page(20)}
    assert recorded["slide.upload-ordered"].details == {"size_bytes": 8}
    assert recorded["slide.uploaded"].subject == str(slide.id)
    assert recorded["slide.uploaded"].actor == "first"


async def test_upload_without_a_length_passes_too(client: httpx.AsyncClient, slides: FakeSlides) -> None:
    place = await begin(client, 5)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"", b"cde"):
            yield piece

    assert (await client.patch(place, content=pieces(), headers=offset(0))).status_code == 204

    assert [bytes(one.received) for one in slides.uploads.values()] == [b"abcde"]


async def test_wrong_offset_is_the_senders_to_mend(client: httpx.AsyncClient) -> None:
    place = await begin(client, 8)

    answer = await client.patch(place, content=b"slid", headers=offset(3))

    assert answer.status_code == 409
    assert answer.json()["type"].endswith(":upload-conflict")
    assert answer.headers["tus-resumable"] == "1.0.0"


async def test_upload_is_given_up(client: httpx.AsyncClient, slides: FakeSlides, store: Store) -> None:
    place = await begin(client, 8)

    assert (await client.delete(place, headers=TUS)).status_code == 204

    assert slides.uploads == {}
    assert (await client.head(place, headers=TUS)).status_code == 404
    removal = next(r.event for r in store.audit.page(9) if r.event.action == "slide.upload-removal-ordered")
    assert removal.subject == place.rpartition("/")[2]


async def test_what_is_spoken_is_described(client: httpx.AsyncClient) -> None:
    answer = await client.options(URL)

    assert answer.status_code == 204
    assert answer.headers["tus-extension"] == "creation,termination,expiration"


async def test_long_upload_takes_no_memory_at_the_gateway(client: httpx.AsyncClient, slides: FakeSlides) -> None:
    """Far more than `max_body_bytes` and the memory for all bodies of this gateway, which are 0.2 and 0.3 MB."""
    pieces_count, piece = 256, bytes(2**18)
    place = await begin(client, pieces_count * len(piece))
    taken = bytearray()

    class Counted(bytearray):
        def __iadd__(self, more: object) -> "Counted":
            nonlocal taken
            self.total = getattr(self, "total", 0) + len(more)  # type: ignore[arg-type]
            return self

        def __len__(self) -> int:
            return getattr(self, "total", 0)

    next(iter(slides.uploads.values())).received = Counted()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(pieces_count):
            yield piece
            await asyncio.sleep(0)

    tracemalloc.start()
    answer = await client.patch(place, content=pieces(), headers=offset(0))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert answer.headers["upload-offset"] == str(64 * 2**20)
    assert peak_bytes < 16 * 2**20


async def test_sender_who_leaves_leaves_what_arrived(
    app: FastAPI, client: httpx.AsyncClient, slides: FakeSlides
) -> None:
    place = await begin(client, 100)
    headers = {**offset(0), "Authorization": f"Bearer {KEY}", "Content-Length": "100"}
    stream = AsgiStream(app, place, headers, method="PATCH", body=b"x" * 40, more_body=True)
    upload = next(iter(slides.uploads.values()))
    await eventually(lambda: len(upload.received) == 40)

    await stream.close()

    assert stream.status == 499
    assert (await client.head(place, headers=TUS)).headers["upload-offset"] == "40"


async def test_sender_who_falls_silent_is_told_so(
    app: FastAPI, client: httpx.AsyncClient, slides: FakeSlides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.gateway.slides.uploads, "_timeout_s", 0.05)
    place = await begin(client, 100)
    headers = {**offset(0), "Authorization": f"Bearer {KEY}", "Content-Length": "100"}
    stream = AsgiStream(app, place, headers, method="PATCH", body=b"x", more_body=True)

    await eventually(lambda: stream.is_over)

    assert stream.status == 408
    assert json.loads(stream.body)["type"].endswith(":body-too-slow")
    upload = next(iter(slides.uploads.values()))
    await eventually(lambda: len(upload.received) == 1)


async def test_service_that_takes_no_more_is_not_waited_for(
    app: FastAPI, client: httpx.AsyncClient, slides: FakeSlides, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await begin(client, 2**30)
    monkeypatch.setattr(app.state.gateway.slides.connection, "_stall_s", 0.2)
    slides.is_hanging = True

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**16)

    answer = await client.patch(place, content=endless(), headers=offset(0))

    slides.is_hanging = False
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


async def test_answer_before_the_end_of_the_body_ends_the_connection(
    client: httpx.AsyncClient, slides: FakeSlides
) -> None:
    place = await begin(client, 2**26)
    slides.drop_after_bytes = 1000

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(256):
            yield bytes(2**18)
            await asyncio.sleep(0)

    answer = await client.patch(place, content=pieces(), headers={**offset(0), "Content-Length": str(2**26)})

    assert answer.status_code == 503
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("name", ["a.b", "a%2Fb", "x" * 129])
async def test_upload_of_an_impossible_name_asks_nobody(
    client: httpx.AsyncClient, slides: FakeSlides, name: str
) -> None:
    assert (await client.patch(f"{URL}/{name}", content=b"", headers=offset(0))).status_code in (404, 422)

    assert not [path for _, _, path in slides.callers if "uploads" in path]


async def test_compressed_upload_is_refused(client: httpx.AsyncClient) -> None:
    place = await begin(client, 8)

    answer = await client.patch(place, content=b"slid", headers={**offset(0), "Content-Encoding": "gzip"})

    assert answer.status_code == 415
