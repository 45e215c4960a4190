"""Forms that are longer than the memory for uploads: what is thrown away is held no longer, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.settings import GatewaySettings
from idc_servicekit import memory_budget
from support.demo_patches import solid_png

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"
FORM = {"Content-Type": "multipart/form-data; boundary=cut"}
END = b"--cut--\r\n"


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    changes = {
        "max_body_bytes": 4_000_000,
        "max_total_body_bytes": 200_000,
        "max_images": 2000,
        "body_timeout_s": 60,
    }
    return settings.model_copy(update=changes)


def part(name: str, data: bytes, field: str = "images", more: str = "") -> bytes:
    head = f'--cut\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n{more}\r\n'
    return head.encode() + data + b"\r\n"


def is_all_free(app: FastAPI) -> bool:
    with app.state.gateway.bodies.lease() as lease:
        lease.take(200_000)
    return True


async def post(client: httpx.AsyncClient, body: bytes, *, pieces_of: int = 65_536) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), pieces_of):
            yield body[start : start + pieces_of]

    return await client.post(URL, content=pieces(), headers=FORM)


@pytest.mark.parametrize("pieces_of", [1_000, 65_536, 10_000_000])
async def test_file_longer_than_all_memory_is_refused_alone(
    client: httpx.AsyncClient, app: FastAPI, pieces_of: int
) -> None:
    body = part("a.png", RED) + part("slide.tif", bytes(1_500_000)) + part("b.png", RED) + END

    answer = await post(client, body, pieces_of=pieces_of)

    assert answer.status_code == 201, answer.text
    first, big, last = answer.json()["items"]
    assert first["classification"]
    assert last["classification"]
    assert big["error"]["status"] == 413
    for words in ("'slide.tif'", "1500000 bytes", "50000 bytes"):
        assert words in big["error"]["detail"]
    assert is_all_free(app)


async def test_others_are_served_while_a_long_file_is_thrown_away(client: httpx.AsyncClient) -> None:
    gate = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield part("slide.tif", bytes(1_500_000))[:-2]
        await gate.wait()
        yield b"\r\n" + part("a.png", RED) + END

    slow_one = asyncio.create_task(client.post(URL, content=slow(), headers=FORM))
    others = [await client.post(URL, content=RED) for _ in range(5)]
    large = await client.post(URL, content=bytes(50_000))
    gate.set()

    assert [answer.status_code for answer in others] == [201] * 5
    assert large.status_code == 415, "there is room for the largest image"
    assert (await slow_one).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"preamble " * 100_000 + b"\r\n", b""),
        (b"", b"epilogue " * 100_000),
        (part("x", b"") * 1500, b""),
    ],
    ids=["preamble", "epilogue", "empty parts"],
)
async def test_what_is_not_an_image_takes_no_memory(
    client: httpx.AsyncClient, app: FastAPI, before: bytes, after: bytes
) -> None:
    answer = await post(client, before + part("a.png", RED) + END + after)

    assert answer.status_code == 201, answer.text[:300]
    assert answer.json()["accepted"] == 1
    assert is_all_free(app)


async def test_huge_head_of_a_part_costs_its_own_request(client: httpx.AsyncClient, app: FastAPI) -> None:
    answer = await post(client, part("a.png", RED, more=f"X-Filler: {'a' * 300_000}\r\n") + END)

    assert answer.status_code == 400
    assert "head of more than 32768 bytes" in answer.json()["detail"]
    assert is_all_free(app)


async def test_field_that_is_not_a_file_is_not_kept_whole(client: httpx.AsyncClient, app: FastAPI) -> None:
    field = b'--cut\r\nContent-Disposition: form-data; name="notes"\r\n\r\n' + b"x" * 900_000 + b"\r\n"

    answer = await post(client, field + END)

    assert answer.status_code == 400
    assert "'notes', which is not a file" in answer.json()["detail"]
    assert is_all_free(app)


async def test_forms_that_together_need_more_than_there_is_all_end(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_budget, "STALL_S", 0.05)
    large = RED + bytes(45_000)  # what stands behind a PNG's end is not read
    forms = [part(f"{number}.png", large) * 12 + END for number in range(8)]

    all_have_begun = asyncio.Barrier(len(forms))

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        yield body[:20_000]
        await all_have_begun.wait()
        for start in range(20_000, len(body), 5_000):
            yield body[start : start + 5_000]
            await asyncio.sleep(0)

    answers = await asyncio.gather(*(client.post(URL, content=pieces(form), headers=FORM) for form in forms))

    assert [answer.json().get("accepted") for answer in answers] == [12] * 8
    assert is_all_free(app)


async def test_client_that_vanishes_in_the_middle_leaves_nothing_behind(app: FastAPI) -> None:
    body = part("a.png", RED) * 3 + part("b.png", bytes(30_000))[:-10]
    messages = [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [
            (b"authorization", b"Bearer idc_" + b"k" * 60),
            (b"content-type", FORM["Content-Type"].encode()),
            (b"accept", b"application/x-ndjson"),
        ],
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "client": ("test", 1),
    }

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    async def send(_message: dict[str, object]) -> None:
        await asyncio.sleep(0)

    await app(scope, receive, send)

    assert is_all_free(app)


@pytest.mark.parametrize("headers", [FORM, {"Content-Type": "image/png"}])
async def test_compressed_body_is_refused_unread(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    async def untouched() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    answer = await client.post(URL, content=untouched(), headers={**headers, "Content-Encoding": "gzip"})

    assert answer.status_code == 415
    assert "'gzip'" in answer.json()["detail"]


async def test_announced_image_that_is_too_large_is_reported_its_size(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, content=bytes(60_000))

    assert answer.status_code == 413
    assert "60000 bytes" in answer.json()["detail"]
    assert "50000 bytes" in answer.json()["detail"]
    assert answer.headers["Connection"] == "close", "what the client still sends is not read"
