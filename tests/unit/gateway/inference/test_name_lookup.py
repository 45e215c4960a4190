"""Names of inference servers are looked up so that one that hangs costs its own server alone."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from threading import Event
from typing import Any

import httpx
import pytest

from idc_gateway.inference.name_lookup import ByAddress, NameLookup

Answers = list[tuple[Any, ...]]


def _answer(*addresses: str) -> Answers:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]


def _names(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], Answers]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *_args, **_options: find(name))


def _client(name: str, handle: Callable[[httpx.Request], httpx.Response], timeout_s: float = 20) -> httpx.AsyncClient:
    transport = ByAddress(httpx.MockTransport(handle), NameLookup(name))
    return httpx.AsyncClient(transport=transport, base_url=f"https://{name}:8000", timeout=timeout_s)


def _here(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


async def test_names_that_hang_keep_no_other_name_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = Event()

    def find(name: str) -> Answers:
        if name.startswith("hung"):
            is_over.wait()
        return _answer("10.0.0.1")

    _names(monkeypatch, find)
    hung = [asyncio.create_task(_client(f"hung{number}", _here).get("/")) for number in range(64)]
    try:
        assert (await _client("there", _here).get("/")).is_success
        assert not any(task.done() for task in hung)
    finally:
        is_over.set()
    await asyncio.gather(*hung)


async def test_lookup_that_hangs_ends_the_request_in_its_time_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, lookups = Event(), []

    def find(name: str) -> Answers:
        lookups.append(name)
        is_over.wait()
        return _answer("10.0.0.1")

    _names(monkeypatch, find)
    client = _client("hung", _here, timeout_s=0.01)
    try:
        for _ in range(5):
            with pytest.raises(httpx.ConnectTimeout, match="'hung' is not resolved in time"):
                await client.get("/")
    finally:
        is_over.set()
    assert lookups == ["hung"]


async def test_known_address_is_used_while_names_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = Event()
    answers = iter([_answer("10.0.0.1")])

    def find(_name: str) -> Answers:
        return next(answers, None) or (is_over.wait(), _answer("10.0.0.2"))[1]

    monkeypatch.setattr("idc_gateway.inference.name_lookup.LOOK_UP_AGAIN_S", 0.0)
    _names(monkeypatch, find)
    client = _client("there", _here)
    try:
        for _ in range(3):
            assert (await client.get("/")).request.url.host == "10.0.0.1"
    finally:
        is_over.set()


async def test_server_is_asked_by_its_name_at_an_address_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "10.0.0.1":
            raise httpx.ConnectError("nobody there")
        seen.append(request)
        return httpx.Response(200)

    _names(monkeypatch, lambda _name: _answer("10.0.0.1", "10.0.0.2"))
    await _client("there", handle).get("/")
    assert (seen[0].url.host, seen[0].headers["host"]) == ("10.0.0.2", "there:8000")
    assert seen[0].extensions["sni_hostname"] == "there"


async def test_answer_without_an_end_is_cut_off() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**20)

    with pytest.raises(httpx.ReadError, match="longer than"):
        await _client("10.0.0.1", lambda _request: httpx.Response(200, content=endless())).get("/")


async def test_compressed_answer_is_not_unpacked() -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"bomb"))

    with pytest.raises(httpx.RemoteProtocolError, match="compressed"):
        await _client("10.0.0.1", handle).get("/")


async def test_name_that_is_unknown_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_name: str) -> Answers:
        raise socket.gaierror(-2, "Name or service not known")

    _names(monkeypatch, find)
    with pytest.raises(httpx.ConnectError, match=r"'nowhere' is not resolved: .*not known"):
        await _client("nowhere", _here).get("/")
