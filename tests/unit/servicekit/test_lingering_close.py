"""An answer that comes before the request's body has ended reaches a client that is still sending, within bounds."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from idc_servicekit.bounded_http import BoundedHttpProtocol
from idc_servicekit.lingering_close import Lingering
from support.eventually import wait_until
from support.raw_sender import LONG_BODY_BYTES, PIECE, head, send_until_cut_off, write_then_read

MIB = 1024 * 1024
CLOSE = {"Connection": "close"}


class Impatient(BoundedHttpProtocol):
    """Drops a megabyte of a body, or what comes in half a second."""

    late_body_s = 0.5
    max_late_bytes = MIB


class Patient(BoundedHttpProtocol):
    """Ends no connection by time."""

    late_body_s = 1000


gone = threading.Event()


async def refuse(_request: Request) -> Response:
    return PlainTextResponse("too large", 413)


async def refuse_and_close(_request: Request) -> Response:
    return PlainTextResponse("too large", 413, CLOSE)


async def read_some_and_refuse(request: Request) -> Response:
    async for _piece in request.stream():
        return PlainTextResponse("too large", 413, CLOSE)
    return PlainTextResponse("read whole")


async def refuse_with_a_long_answer(_request: Request) -> Response:
    async def pieces() -> Any:
        for _ in range(64):
            yield bytes(1024)

    return StreamingResponse(pieces(), 413, CLOSE)


async def read_whole(request: Request) -> Response:
    try:
        return PlainTextResponse(str(len(await request.body())))
    except ClientDisconnect:
        gone.set()
        return Response(status_code=499)


APP = Starlette(
    routes=[
        Route("/keep", refuse, methods=["POST"]),
        Route("/close", refuse_and_close, methods=["POST"]),
        Route("/some", read_some_and_refuse, methods=["POST"]),
        Route("/long", refuse_with_a_long_answer, methods=["POST"]),
        Route("/read", read_whole, methods=["POST"]),
    ]
)


@contextmanager
def served(protocol: type[BoundedHttpProtocol], loop: Any = "uvloop") -> Iterator[tuple[uvicorn.Server, int]]:
    options = {"port": 0, "ws": "none", "lifespan": "off", "log_config": None, "timeout_keep_alive": 60}
    server = uvicorn.Server(uvicorn.Config(APP, http=protocol, loop=loop, **options))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the server has started")
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=60)


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with served(BoundedHttpProtocol, request.param) as (_server, port):
        yield port


@pytest.mark.parametrize("pause_s", [0.0, 0.01])
@pytest.mark.parametrize("path", ["/keep", "/close", "/some", "/long"])
def test_client_that_writes_its_whole_body_first_gets_the_refusal(port: int, path: str, pause_s: float) -> None:
    status, body = write_then_read(port, head(path, LONG_BODY_BYTES), pause_s=pause_s)

    assert status == 413
    assert len(body) == (64 * 1024 if path == "/long" else len("too large"))


@pytest.mark.parametrize("path", ["/keep", "/close", "/some"])
@pytest.mark.parametrize("request_closes", [{"version": "1.0"}, {"headers": ("Connection: close",)}])
def test_client_that_asks_for_the_connections_end_gets_the_refusal(
    port: int, path: str, request_closes: dict[str, Any]
) -> None:
    request = head(
        path, LONG_BODY_BYTES, *request_closes.get("headers", ()), version=request_closes.get("version", "1.1")
    )

    status, body = write_then_read(port, request)

    assert (status, body) == (413, b"too large")


@pytest.mark.parametrize("header", ["Bad Header: x", "Content-Length: 7"])
def test_client_with_a_malformed_head_gets_the_reason(port: int, header: str) -> None:
    status, body = write_then_read(port, head("/read", LONG_BODY_BYTES, header))

    assert status == 400
    assert b"Invalid HTTP request" in body


@pytest.mark.parametrize("request_head", [head("/keep", 10**12), head("/close", 10**12), b"no HTTP\r\n\r\n"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
class TestSenderThatDoesNotEnd:
    def test_endless_body_is_cut_off_by_its_length(self, loop: str, request_head: bytes) -> None:
        with served(Impatient, loop) as (_server, port):
            assert send_until_cut_off(port, request_head) < LONG_BODY_BYTES

    def test_dripping_body_is_cut_off_by_its_time(self, loop: str, request_head: bytes) -> None:
        with served(Impatient, loop) as (_server, port):
            assert send_until_cut_off(port, request_head, b"x", pause_s=0.01) < MIB

    def test_silent_client_is_cut_off_by_its_time(self, loop: str, request_head: bytes) -> None:
        with (
            served(Impatient, loop) as (server, port),
            socket.create_connection(("127.0.0.1", port), timeout=60) as client,
        ):
            client.sendall(request_head + PIECE[:1024])
            assert client.recv(12) in (b"HTTP/1.1 413", b"HTTP/1.1 400")
            wait_until(lambda: not server.server_state.connections, "the server has closed the connection")

    def test_client_that_resets_the_connection_is_forgotten(
        self, loop: str, request_head: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        with served(Patient, loop) as (server, port):
            for _ in range(20):
                client = socket.create_connection(("127.0.0.1", port), timeout=60)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(request_head + PIECE[:1024])
                client.close()
            wait_until(lambda: not server.server_state.connections, "the connections are gone")

        assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_answer_reaches_its_client_while_the_server_ends() -> None:
    with (
        served(Patient) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(head("/close", LONG_BODY_BYTES) + PIECE)
        wait_until(lambda: any(isinstance(c, Lingering) for c in server.server_state.connections), "it was answered")
        server.should_exit = True
        wait_until(lambda: not server.servers[0].sockets, "no connections are taken any more")

        for _ in range(LONG_BODY_BYTES // len(PIECE) - 1):
            client.sendall(PIECE)

        assert client.recv(12) == b"HTTP/1.1 413"


def test_malformed_body_ends_the_application_that_reads_it_at_once() -> None:
    """It holds memory and a place for the request, and the client may stay for as long as the bound allows."""
    gone.clear()
    with (
        served(Patient) as (_server, port),
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        client.sendall(b"no length\r\n")

        assert client.recv(12) == b"HTTP/1.1 400"
        assert gone.wait(timeout=60)
