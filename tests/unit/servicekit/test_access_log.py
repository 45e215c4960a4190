"""Each request has an id and a line in the log."""

import asyncio
import logging

import httpx
import pytest

from idc_servicekit.access_log import AccessLog, Message, Receive, Send


async def app(scope: Message, _receive: Receive, send: Send) -> None:
    if scope["path"] == "/slow":
        await asyncio.sleep(0.02)
    if scope["path"] == "/broken":
        raise RuntimeError("a bug")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["state"]["request_id"].encode()})


async def get(path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(AccessLog(app, quiet_prefixes=["/health"]), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


async def test_sane_id_of_the_caller_is_kept() -> None:
    answer = await get("/", {"X-Request-ID": "lab-7.A_1"})

    assert answer.text == answer.headers["X-Request-ID"] == "lab-7.A_1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "evil\u00e9", '{"a":1}'])
async def test_other_id_of_the_caller_is_replaced(given: str) -> None:
    answer = await get("/", {"X-Request-ID": given.encode("latin-1")})  # type: ignore[dict-item]

    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


async def test_request_is_logged_with_its_status(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await get("/slow")

    (record,) = [record for record in caplog.records if record.name == "idc_servicekit.access_log"]
    assert record.getMessage() == "GET /slow"
    assert vars(record)["status"] == 200
    assert vars(record)["duration_ms"] > 19


@pytest.mark.parametrize(("path", "lines"), [("/health/live", 0), ("/broken", 1)])
async def test_health_checks_are_quiet_and_failures_are_not(
    caplog: pytest.LogCaptureFixture, path: str, lines: int
) -> None:
    with caplog.at_level(logging.INFO, logger="idc_servicekit.access_log"):
        await get(path)

    assert len([record for record in caplog.records if record.name == "idc_servicekit.access_log"]) == lines


async def test_answer_gets_further_headers_and_its_end_is_reported() -> None:
    ended: list[tuple[str, int]] = []
    log = AccessLog(
        app,
        headers_for=lambda scope: [(b"x-path", scope["path"].encode())],
        on_end=lambda scope, status, _duration_s: ended.append((scope["path"], status)),
    )
    transport = httpx.ASGITransport(log, raise_app_exceptions=False)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/here")
        await client.get("/broken")

    assert answer.headers["x-path"] == "/here"
    assert ended == [("/here", 200), ("/broken", 500)]
