"""What is no patch gets a clear problem, and nothing of it is stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idc_gateway.classifying.check_image import check_image
from idc_gateway.classifying.uploads import Upload, UploadLimits, multipart_uploads
from idc_gateway.errors import BadInput, BodyTooLarge
from idc_gateway.results.classifications import UNKNOWN_ORIGIN
from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import RednessInference

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"


def form(*parts: tuple[str, str, bytes]) -> tuple[bytes, dict[str, str]]:
    pieces = []
    for field, filename, data in parts:
        head = f'--cut\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n\r\n'
        pieces.append(head.encode() + data + b"\r\n")
    return b"".join(pieces) + b"--cut--\r\n", {"Content-Type": "multipart/form-data; boundary=cut"}


def assert_problem(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:idc-sentinel:problem:")
    assert words in problem["detail"]
    assert problem["instance"] == URL


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "the body is empty"),
        (b"patient,label\n1,0\n", 415, "not a PNG, JPEG, TIFF, BMP or WebP"),
        (RED[: len(RED) // 2], 422, "damaged or ends early"),
        (solid_png((1, 2, 3), side_px=600), 422, "600 x 600 px"),
        (solid_png((1, 2, 3), side_px=4), 422, "4 x 4 px"),
        (bytes(60_000), 413, "50000 bytes"),
    ],
)
async def test_bad_body_gets_a_problem(client: httpx.AsyncClient, body: bytes, status: int, words: str) -> None:
    answer = await client.post(URL, content=body, headers={"Content-Type": "image/png"})

    assert_problem(answer, status, words)
    assert (await client.get(URL)).json()["items"] == []


GOOD = ("images", "good.png", RED)


@pytest.mark.parametrize(
    ("parts", "status", "words"),
    [
        ([("images", "empty.png", b"")], 400, "'empty.png' is empty"),
        ([("images", "notes.txt", b"hello")], 415, "'notes.txt'"),
        ([GOOD] * 21, 400, "more than 20 images"),
        ([("images", "big.png", bytes(50_001))], 413, "'big.png' is too large"),
    ],
)
async def test_form_without_a_good_image_gets_a_problem_that_names_the_part(
    client: httpx.AsyncClient, parts: list[tuple[str, str, bytes]], status: int, words: str
) -> None:
    body, headers = form(*parts)

    answer = await client.post(URL, content=body, headers=headers)

    assert_problem(answer, status, words)
    assert (await client.get(URL)).json()["items"] == []


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (("empty.png", b""), 400),
        (("notes.txt", b"hello"), 415),
        (("half.png", RED[:60]), 422),
        (("big.png", bytes(50_001)), 413),
        (("wide.png", solid_png((1, 2, 3), side_px=600)), 422),
    ],
)
async def test_bad_image_in_a_form_has_its_own_error_and_the_others_their_results(
    client: httpx.AsyncClient, bad: tuple[str, bytes], status: int
) -> None:
    body, headers = form(GOOD, ("images", *bad), GOOD)

    answer = await client.post(URL, content=body, headers=headers)

    assert answer.status_code == 201
    batch = answer.json()
    assert (batch["accepted"], batch["refused"]) == (2, 1)
    assert [item["index"] for item in batch["items"]] == [0, 1, 2]
    assert [item["classification"] is not None for item in batch["items"]] == [True, False, True]
    error = batch["items"][1]["error"]
    assert (error["status"], batch["items"][1]["name"]) == (status, bad[0])
    assert bad[0] in error["detail"]


@pytest.mark.parametrize("head", [b"", b"Content-Disposition: form-data\r\n"])
async def test_malformed_form_gets_a_problem(client: httpx.AsyncClient, head: bytes) -> None:
    body = b"--cut\r\n" + head + b"\r\nx\r\n--cut--\r\n"

    answer = await client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=cut"})

    assert_problem(answer, 400, "form")


async def test_body_without_a_length_is_refused_when_it_grows_too_large(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(10_000)

    assert_problem(await client.post(URL, content=endless()), 413, "50000 bytes")


async def test_bodies_together_are_bounded(client: httpx.AsyncClient) -> None:
    gate, taken = asyncio.Event(), 0

    async def slow() -> AsyncIterator[bytes]:
        nonlocal taken
        yield bytes(45_000)
        taken += 1
        await gate.wait()

    waiting = [asyncio.create_task(client.post(URL, content=slow())) for _ in range(6)]
    await eventually(lambda: taken == 6)
    refused = await client.post(URL, content=bytes(45_000))
    gate.set()

    assert_problem(refused, 503, "memory for uploads")
    assert refused.headers["Retry-After"] == "1"
    assert {(await task).status_code for task in waiting} == {415}
    assert (await client.post(URL, content=RED)).status_code == 201


SMALL = ["/api/v1/session", "/api/v1/alarms/alarm/acknowledgements", "/livez", "/nothing"]


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", SMALL)
async def test_large_body_where_no_image_is_sent_is_refused_from_anyone(
    stranger: httpx.AsyncClient, path: str, announced: bool
) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 10_000
            yield bytes(10_000)

    answer = await stranger.post(path, content=bytes(1_000_000) if announced else pieces())

    assert answer.status_code == 413
    assert answer.json()["type"].endswith("body-too-large")
    assert sent < 100_000


class TestImpatientGateway:
    """Its time for a body is short."""

    @pytest.fixture
    def settings(self, settings: GatewaySettings) -> GatewaySettings:
        return settings.model_copy(update={"body_timeout_s": 1})

    async def test_upload_that_goes_silent_is_ended(self, client: httpx.AsyncClient) -> None:
        async def silent() -> AsyncIterator[bytes]:
            yield RED[:40]
            await asyncio.Event().wait()

        answer = await client.post(URL, content=silent())

        assert_problem(answer, 408, "did not arrive in time")

    async def test_form_that_drips_is_ended_from_outside(self, client: httpx.AsyncClient) -> None:
        body, headers = form(GOOD)

        async def dripping() -> AsyncIterator[bytes]:
            for byte in body:
                yield bytes([byte])
                await asyncio.sleep(0.2)

        assert_problem(await client.post(URL, content=dripping(), headers=headers), 408, "did not arrive in time")


async def test_inference_is_not_asked_about_a_bad_image(client: httpx.AsyncClient, inference: RednessInference) -> None:
    await client.post(URL, content=b"hello")

    assert inference.request_ids == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("PUT", URL, 405), ("GET", f"{URL}/no-uuid", 404), ("GET", f"{URL}?limit=0", 422)],
)
async def test_every_error_is_a_problem(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def read_form(body: bytes, content_type: str) -> list[Upload]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    limits = UploadLimits(max_images=5, max_image_bytes=10_000)
    parts = multipart_uploads(pieces(), content_type, UNKNOWN_ORIGIN, limits)
    return [upload async for part in parts for upload in part.uploads]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=600))
def test_any_bytes_are_an_image_or_a_problem(body: bytes) -> None:
    with suppress(BadInput, BodyTooLarge):
        assert check_image(Upload("", body), 10_000)


_PIECES = st.sampled_from(
    [
        b"--cut",
        b"--",
        b"\r\n",
        b"\n",
        b'Content-Disposition: form-data; name="images"; filename="a.png"',
        b"\r\n\r\n",
        RED[:9],
    ]
)


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(_PIECES | st.binary(max_size=9), max_size=30).map(b"".join),
    st.sampled_from(["multipart/form-data; boundary=cut", "multipart/mixed; boundary=cut", "multipart/form-data", ""]),
)
def test_any_form_is_images_or_a_problem(body: bytes, content_type: str) -> None:
    with suppress(BadInput, BodyTooLarge):
        assert asyncio.run(read_form(body, content_type))
