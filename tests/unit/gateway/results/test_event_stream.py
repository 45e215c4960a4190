"""A stream that resumes misses nothing, or says that it did."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from idc_contracts import Decision
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.results.classifications import Classification
from idc_gateway.results.positions import START, Position
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.store import Store, open_store
from idc_gateway.web.rooms import Gateway
from idc_gateway.web.routes.events import answer_from
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def add(store: Store, name: str) -> Classification:
    result = Classification(uuid4(), name, 0.5, Decision.IDC, FAKE_MODEL, FAKE_THRESHOLDS, 1.0, NOW, 50, 50)
    store.results.add(
        [UnitOfWork(NOW, results=[result], audit=[AuditEvent("patch.classified", "k", str(result.id), NOW)])]
    )
    return result


def delete(store: Store, result: Classification) -> None:
    store.results.delete(result.id, AuditEvent("classification.deleted", "k", str(result.id), NOW))


class Stream:
    """Reads an event stream block by block, as a browser does."""

    def __init__(self, blocks: AsyncIterator[bytes]) -> None:
        self._blocks = blocks
        self.last_id = ""

    async def next(self) -> list[dict[str, str]]:
        """What comes next: blocks of fields; a sign of life has an id alone."""
        read = []
        for block in (await anext(self._blocks)).decode().strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            self.last_id = fields.get("id", self.last_id)
            read.append(fields)
        return read

    async def names(self) -> list[Any]:
        return [json.loads(block["data"]).get("name", block["event"]) for block in await self.next() if "data" in block]


@pytest.fixture
def gateway(app: FastAPI) -> Gateway:
    gateway: Gateway = app.state.gateway
    return gateway


async def stream(gateway: Gateway, last_event_id: str | None = None) -> Stream:
    answer = await answer_from(gateway.results.feed, last_event_id)
    return Stream(answer.body_iterator)  # type: ignore[arg-type]


async def test_stream_that_was_cut_before_its_first_event_misses_nothing(gateway: Gateway, store: Store) -> None:
    add(store, "before")
    first = await stream(gateway)
    (sign_of_life,) = await first.next()
    add(store, "while nobody listened")

    again = await stream(gateway, first.last_id)

    assert set(sign_of_life) == {"id"}
    assert await again.names() == ["while nobody listened"]


async def test_first_result_of_an_empty_database_is_not_missed(gateway: Gateway, store: Store) -> None:
    first = await stream(gateway)
    await first.next()
    add(store, "first")

    assert await (await stream(gateway, first.last_id)).names() == ["first"]
    assert await (await stream(gateway, "0")).names() == ["first"]


async def test_deleted_newest_result_hides_none_that_follows(gateway: Gateway, store: Store) -> None:
    live = await stream(gateway)
    await live.next()
    newest = add(store, "newest")
    assert await live.names() == ["newest"]
    delete(store, newest)
    add(store, "after")

    assert await live.names() == ["after"]
    assert await (await stream(gateway, live.last_id)).names() == []


@pytest.mark.parametrize("last_id", ["-1", "99999999999999999999", "nonsense", "7", "3-1-" + "0" * 32, "x" * 500])
async def test_unknown_id_is_reported_as_missed_and_the_stream_goes_on(
    gateway: Gateway, store: Store, last_id: str
) -> None:
    add(store, "before")
    resumed = await stream(gateway, last_id)

    (missed,) = await resumed.next()
    add(store, "after")

    assert missed["event"] == "missed"
    assert "GET /api/v1/classifications" in json.loads(missed["data"])["detail"]
    assert await resumed.names() == ["after"]


async def test_bare_number_is_not_trusted_and_loses_no_result_after_it(gateway: Gateway, store: Store) -> None:
    for name in "abc":
        add(store, name)

    assert await (await stream(gateway, "1")).names() == ["missed", "b", "c"]


def test_database_that_was_set_back_by_any_means_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite3"
    store = open_store(f"sqlite:///{path}")
    add(store, "kept")
    safe = store.results.since(START, 9).position
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        source.backup(copy)
    lost = add(store, "lost")
    ahead = store.results.since(START, 9).position
    store.database.close()
    (tmp_path / "copy").replace(path)

    store = open_store(f"sqlite:///{path}")
    add(store, "another, with the same number")
    looks = [store.results.since(position, 9) for position in (START, safe, ahead)]
    store.database.close()

    assert [look.is_complete for look in looks] == [True, True, False]
    assert lost.name not in [result.name for look in looks for _, result in look.results]


@pytest.mark.parametrize("given", ["0", "5", "12-30-" + "a" * 32])
def test_position_comes_back_from_its_text(given: str) -> None:
    position = Position.parse(given)

    assert Position.parse(str(position)) == position or position.records < 0
