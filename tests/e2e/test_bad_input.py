"""What is no patch gets a clear refusal, and the real containers' memory stays bounded."""

import io
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from support.compose_stack import SERVICES, ComposeStack
from support.demo_patches import DemoPatches

pytestmark = pytest.mark.e2e
MIB = 1024 * 1024


def _png_header(width_px: int, height_px: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100)))


def _assert_problem(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert len(problem["title"]) > 3
    assert len(problem["detail"]) > 10


BAD_BODIES = {
    "text file": b"patient,label\n1,0\n" * 100,
    "empty body": b"",
    "30,000 px header": _png_header(30_000, 30_000),
    "50 MB body": b"\x89PNG\r\n\x1a\n" + bytes(50 * MIB),
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize("path", ["/api/v1/classifications", "/api/infer"])
def test_bad_body_gets_a_problem(stack: ComposeStack, path: str, name: str) -> None:
    with stack.client() as client:
        answer = client.post(path, content=BAD_BODIES[name], headers={"Content-Type": "image/png"})

    _assert_problem(answer)


def test_truncated_patch_gets_a_problem(stack: ComposeStack, patches: DemoPatches) -> None:
    with stack.client() as client:
        _assert_problem(client.post("/api/v1/classifications", content=patches.positive[: len(patches.positive) // 2]))


def test_body_without_a_length_is_cut_off_at_the_limit(stack: ComposeStack) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += MIB
            yield bytes(MIB)

    with stack.client() as client:
        try:
            answer = client.post("/api/v1/classifications", content=endless())
        except httpx.TransportError:
            answer = None  # the gateway may close the connection while we still write

    if answer is not None:
        _assert_problem(answer)
    assert sent < 200 * MIB


@pytest.mark.parametrize("key", ["wrong", "idc_" + "0" * 64])
def test_wrong_key_gets_a_problem(stack: ComposeStack, patches: DemoPatches, key: str) -> None:
    answer = httpx.post(
        f"{stack.url}/api/v1/classifications", content=patches.positive, headers={"Authorization": f"Bearer {key}"}
    )

    _assert_problem(answer)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_services_survive_a_hundred_bad_bodies_without_growing_to_their_limit(stack: ComposeStack) -> None:
    with stack.client() as client:
        for number in range(100):
            body = list(BAD_BODIES.values())[number % len(BAD_BODIES)]
            _assert_problem(client.post("/api/v1/classifications", content=body))

    for service in SERVICES:
        state = stack.inspect(service)["State"]
        assert not state["OOMKilled"]
        assert state["Health"]["Status"] == "healthy"
    assert stack.inspect("gateway")["RestartCount"] == 0


def test_many_large_uploads_at_once_stay_within_the_memory_limit(stack: ComposeStack) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (512, 512), (200, 120, 180)).save(buffer, "BMP")
    files = [("images", (f"{number}.bmp", buffer.getvalue(), "image/bmp")) for number in range(20)]

    def post(_number: int) -> int:
        with stack.client() as client:
            return client.post("/api/v1/classifications", files=files, timeout=120).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = set(pool.map(post, range(18)))

    assert 201 in statuses
    assert statuses <= {201, 503}
    for service in ("gateway", "inference"):
        description = stack.inspect(service)
        assert not description["State"]["OOMKilled"]
        assert description["RestartCount"] == 0
