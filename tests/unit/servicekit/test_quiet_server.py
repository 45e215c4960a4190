"""The server wakes seldom, and still ends at once."""

import asyncio
import threading

import pytest
import uvicorn
from starlette.applications import Starlette

from idc_servicekit.quiet_server import QuietServer
from support.eventually import eventually


def quiet_server(tick_s: float) -> QuietServer:
    return QuietServer(uvicorn.Config(Starlette(), port=0, log_config=None), tick_s=tick_s)


async def test_server_ends_at_once_when_another_thread_says_so() -> None:
    server = quiet_server(tick_s=3600)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)

    threading.Timer(0.05, setattr, (server, "should_exit", True)).start()

    await asyncio.wait_for(serving, 30)


async def test_date_of_answers_is_renewed_at_each_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    server = quiet_server(tick_s=0.01)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)

    monkeypatch.setattr("uvicorn.server.time.time", lambda: 0.0)

    await eventually(lambda: (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT") in server.server_state.default_headers)
    server.should_exit = True
    await asyncio.wait_for(serving, 30)
