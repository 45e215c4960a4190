"""Hostile uploads: the real containers' memory stays bounded."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from support.compose_stack import SERVICES, ComposeStack

pytestmark = pytest.mark.e2e
MIB = 1024 * 1024


def _png_header(width_px: int, height_px: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100)))


BAD_BODIES = (
    b"patient,label\n1,0\n" * 100,
    b"",
    _png_header(30_000, 30_000),
    b"\x89PNG\r\n\x1a\n" + bytes(50 * MIB),
)


def test_bad_bodies_get_problems_and_services_do_not_grow_to_their_limit(stack: ComposeStack) -> None:
    with stack.client() as client:
        for number in range(100):
            path = ("/api/v1/classifications", "/api/infer")[number % 2]
            body = BAD_BODIES[number // 2 % len(BAD_BODIES)]
            answer = client.post(path, content=body, headers={"Content-Type": "image/png"})
            assert answer.status_code in {400, 413, 415, 422}
            assert answer.headers["Content-Type"] == "application/problem+json"

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
