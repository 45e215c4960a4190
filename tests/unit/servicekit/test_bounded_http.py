"""Heads of requests have a time to arrive, and the next one on the same connection has it again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from idc_servicekit.bounded_http import BoundedHttpProtocol
from support.eventually import eventually


class Impatient(BoundedHttpProtocol):
    """Waits a tenth of a second for a head."""

    head_timeout_s = 0.1


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = Starlette(routes=[Route("/", lambda _request: Response("ok"))])
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Impatient, ws="none", lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def test_slow_head_is_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost:")

    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"did not arrive within" in answer


async def test_slow_head_of_a_second_request_is_refused_too(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    first = await asyncio.wait_for(reader.readuntil(b"ok"), 10)
    writer.write(b"GET / HTTP/1.1\r\nHost:")

    second = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert first.startswith(b"HTTP/1.1 200")
    assert b"did not arrive within" in second


async def test_many_requests_on_one_connection_are_served(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(200):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"a" * 2000 + b"\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"ok"), 10)
    writer.close()
