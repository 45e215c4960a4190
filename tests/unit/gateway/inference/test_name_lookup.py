"""Names of inference servers are looked up so that one that hangs costs its own server alone."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiohttp import web

from idc_gateway.inference.http_client import HttpClient, NoAnswer
from idc_gateway.inference.name_lookup import NameLookup
from support.answering_server import answering, tls_server
from support.certificates import self_signed
from support.eventually import eventually

Answers = list[tuple[Any, ...]]


def _answer(*addresses: str) -> Answers:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]


def _names(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], Answers]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *_args, **_options: find(name))


def _client(url: str, trust: ssl.SSLContext | None = None) -> HttpClient:
    return HttpClient(url, lookup=NameLookup(), trust=trust, key=None, max_connections=2, is_traced=False)


async def test_names_that_hang_keep_no_other_name_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = Event()

    def find(name: str) -> Answers:
        if name.startswith("hung"):
            is_over.wait()
        return _answer("10.0.0.1")

    _names(monkeypatch, find)
    hung = [asyncio.create_task(NameLookup().resolve(f"hung{number}")) for number in range(64)]
    try:
        (found,) = await NameLookup().resolve("there", 8000)
        assert (found["host"], found["port"]) == ("10.0.0.1", 8000)
        assert not any(task.done() for task in hung)
    finally:
        is_over.set()
    await asyncio.gather(*hung)


async def test_lookup_that_hangs_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, lookups = Event(), []

    def find(name: str) -> Answers:
        lookups.append(name)
        is_over.wait()
        return _answer("10.0.0.1")

    _names(monkeypatch, find)
    lookup = NameLookup()
    try:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(lookup.resolve("hung"), 0.01)
        await eventually(lambda: bool(lookups))
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
    lookup = NameLookup()
    try:
        for _ in range(3):
            assert [found["host"] for found in await lookup.resolve("there")] == ["10.0.0.1"]
    finally:
        is_over.set()


async def test_server_is_asked_by_its_name_at_an_address_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        hosts.append(request.host)
        return web.Response()

    _names(monkeypatch, lambda _name: _answer("127.0.0.2", "127.0.0.1"))  # nobody listens at the first
    async with answering(handle) as port:
        client = _client(f"http://there:{port}")
        assert (await client.get("/")).is_success
        await client.close()
    assert hosts == [f"there:{port}"]


async def test_certificate_is_checked_against_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names: list[str | None] = []
    certificate, key = self_signed(tmp_path, "20200101000000Z", "20990101000000Z")
    tls = tls_server(str(certificate), str(key))
    tls.sni_callback = lambda _socket, name, _context: names.append(name)

    async def handle(_request: web.BaseRequest) -> web.Response:
        return web.Response()

    _names(monkeypatch, lambda _name: _answer("127.0.0.1"))
    trust = ssl.create_default_context(cafile=str(certificate))
    async with answering(handle, tls=tls) as port:
        by_address, by_name = _client(f"https://127.0.0.1:{port}", trust), _client(f"https://there:{port}", trust)
        assert (await by_address.get("/")).is_success
        with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED") as failure:
            await by_name.get("/")
        for client in (by_address, by_name):
            await client.close()

    assert failure.value.is_ours_to_mend
    assert names[-1] == "there"


async def test_answer_without_an_end_is_cut_off() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(bytes(2**20))

    async with answering(handle) as port:
        client = _client(f"http://127.0.0.1:{port}")
        with pytest.raises(NoAnswer, match="longer than"):
            await client.get("/")
        await client.close()


async def test_compressed_answer_is_not_unpacked() -> None:
    async def handle(request: web.BaseRequest) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(headers={"Content-Encoding": "gzip"}, body=b"bomb")

    async with answering(handle) as port:
        client = _client(f"http://127.0.0.1:{port}")
        with pytest.raises(NoAnswer, match="compressed"):
            await client.get("/")
        await client.close()


async def test_name_that_is_unknown_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_name: str) -> Answers:
        raise socket.gaierror(-2, "Name or service not known")

    _names(monkeypatch, find)
    client = _client("http://nowhere")
    with pytest.raises(NoAnswer, match=r"'nowhere' is not resolved: .*not known"):
        await client.get("/")
    await client.close()
