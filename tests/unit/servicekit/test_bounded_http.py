"""Heads of requests have a time to arrive; connections rest for long, and end without losing a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idc_servicekit.bounded_http import KEEP_ALIVE_S, BoundedHttpProtocol
from support.eventually import eventually


class Impatient(BoundedHttpProtocol):
    """Waits a tenth of a second for a head or the rest of a body, and lets three connections rest."""

    head_timeout_s = 0.1
    late_body_s = 0.1
    max_idle_connections = 3


class Lingering(BoundedHttpProtocol):
    """Reads on for a minute when the server ends."""

    linger_s = 60


async def ok(_request: Request) -> Response:
    return Response("ok")


@asynccontextmanager
async def served(protocol: type[BoundedHttpProtocol]) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    app = Starlette(routes=[Route("/", ok)])
    options = {"port": 0, "ws": "none", "lifespan": "off", "log_config": None, "timeout_keep_alive": KEEP_ALIVE_S}
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, **options))  # type: ignore[arg-type]
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield server, port
    server.should_exit = True
    await serving


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PROXIES_S = {"nginx": 60, "Amazon's balancer": 60, "Traefik": 90, "Caddy": 120}


class Client:
    """One connection that asks and rests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connected(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self) -> bytes:
        self.writer.write(GET)
        return await self.answer()

    async def answer(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"ok"), 30)

    async def rest(self) -> bytes:
        """What comes until the server closes the connection."""
        return await asyncio.wait_for(self.reader.read(), 30)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served(Impatient) as (_server, port):
        yield port


async def test_slow_head_is_refused(port: int) -> None:
    client = await Client.connected(port)
    client.writer.write(b"GET / HTTP/1.1\r\nHost:")

    answer = await client.rest()
    client.writer.close()

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"did not arrive within" in answer


async def test_slow_head_of_a_second_request_is_refused_too(port: int) -> None:
    client = await Client.connected(port)
    first = await client.ask()
    client.writer.write(b"GET / HTTP/1.1\r\nHost:")

    second = await client.rest()
    client.writer.close()

    assert first.startswith(b"HTTP/1.1 200")
    assert b"did not arrive within" in second


async def test_many_requests_on_one_connection_are_served(port: int) -> None:
    client = await Client.connected(port)
    for _ in range(200):
        client.writer.write(GET.removesuffix(b"\r\n") + b"X-Filler: " + b"a" * 2000 + b"\r\n\r\n")
        await client.answer()
    client.writer.close()


async def test_resting_connection_is_kept_for_longer_than_any_proxy_keeps_it() -> None:
    async with served(BoundedHttpProtocol) as (server, port):
        client = await Client.connected(port)
        await client.ask()
        (connection,) = server.server_state.connections
        await eventually(lambda: connection.timeout_keep_alive_task is not None)  # type: ignore[union-attr]
        rests_s = connection.timeout_keep_alive_task.when() - asyncio.get_running_loop().time()  # type: ignore[union-attr]
        assert max(PROXIES_S.values()) < rests_s <= KEEP_ALIVE_S
        client.writer.close()


async def test_connection_that_has_rested_longest_makes_room_for_others(port: int) -> None:
    clients = [await Client.connected(port) for _ in range(4)]
    for client in clients:
        await client.ask()

    assert await clients[0].rest() == b""
    for client in clients[1:]:
        assert (await client.ask()).startswith(b"HTTP/1.1 200")
        client.writer.close()
    clients[0].writer.close()


async def test_request_that_meets_the_end_of_the_server_is_answered_and_is_the_last() -> None:
    async with served(Lingering) as (server, port):
        client = await Client.connected(port)
        await client.ask()
        server.should_exit = True
        await eventually(lambda: not server.servers[0].sockets)

        answer = await client.ask()

        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert await client.rest() == b""
        client.writer.close()


async def test_resting_connection_does_not_hold_up_the_end() -> None:
    async with served(BoundedHttpProtocol) as (_server, port):
        fresh, rested = await Client.connected(port), await Client.connected(port)
        await rested.ask()

    assert await rested.rest() == b""
    assert await fresh.rest() == b""
    for client in (fresh, rested):
        client.writer.close()


async def test_body_that_drips_after_its_answer_is_ended(port: int) -> None:
    client = await Client.connected(port)
    client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    assert (await client.answer()).startswith(b"HTTP/1.1 200")

    with suppress(ConnectionError):  # it may be closed while a byte is on its way
        async with asyncio.timeout(60):
            while not client.reader.at_eof():
                client.writer.write(b"x")
                await client.writer.drain()
                await asyncio.sleep(0.01)
    client.writer.close()


async def test_body_that_comes_after_its_answer_leaves_the_connection_to_the_next_request() -> None:
    async with served(BoundedHttpProtocol) as (server, port):
        client = await Client.connected(port)
        client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        await client.answer()
        client.writer.write(b"late\r\n")

        assert (await client.ask()).startswith(b"HTTP/1.1 200")

        (connection,) = server.server_state.connections
        await eventually(lambda: connection.timeout_keep_alive_task is not None)  # type: ignore[union-attr]
        client.writer.write(b"\r\n")  # begins no request
        assert (await client.ask()).startswith(b"HTTP/1.1 200")
        client.writer.close()


async def test_bytes_that_begin_no_request_do_not_keep_a_connection() -> None:
    async with served(BoundedHttpProtocol) as (server, port):
        client = await Client.connected(port)
        await client.ask()
        (connection,) = server.server_state.connections
        first = connection.timeout_keep_alive_task  # type: ignore[union-attr]
        client.writer.write(b"\r\n")

        await eventually(lambda: connection.timeout_keep_alive_task not in (None, first))  # type: ignore[union-attr]
        client.writer.close()
