"""The line before the database has an end in time and in length."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from idc_contracts import utc_now
from idc_gateway.classifying import group_commit
from idc_gateway.classifying.group_commit import GroupCommit
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.result_writer import Entry, ResultWriter
from idc_gateway.errors import Busy, StoreUnavailable
from idc_gateway.idempotency.job import Job
from idc_gateway.results.classifications import Classification
from idc_gateway.results.results_store import Stored
from support.eventually import eventually


class HungWriter:
    """Writes when the test lets it."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.written: list[Entry] = []

    def write(self, entries: list[Entry]) -> Stored:
        self.go_on.wait()
        self.written += entries
        return Stored([True] * len(entries), [])


@pytest.fixture
def writer() -> Iterator[HungWriter]:
    writer = HungWriter()
    yield writer
    writer.go_on.set()


def _entry(*outcomes: Outcome) -> Entry:
    return Entry(outcomes, [], Job("tester", "one"), utc_now())


def _committing(writer: HungWriter, **options: Any) -> GroupCommit:
    return GroupCommit(
        cast(ResultWriter, writer), lambda _messages: None, options.pop("on_stored", lambda _result: None), **options
    )


async def test_caller_behind_a_transaction_that_hangs_gets_an_answer_in_time_and_nothing_is_stored_later(
    writer: HungWriter,
) -> None:
    commits = _committing(writer, timeout_s=0.2)
    first, second = _entry(), _entry()
    begun = asyncio.create_task(commits.write(first))
    await eventually(lambda: bool(commits._writes._under_way) and not commits._writes.waiting)

    with pytest.raises(StoreUnavailable, match="nothing was stored"):
        await commits.write(second)
    with pytest.raises(StoreUnavailable, match="may still store this"):
        await begun

    writer.go_on.set()
    await eventually(lambda: bool(writer.written))
    assert writer.written == [first]


async def test_line_has_an_end(writer: HungWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)
    commits = _committing(writer)
    waiting = [asyncio.create_task(commits.write(_entry()))]
    await eventually(lambda: bool(commits._writes._under_way) and not commits._writes.waiting)
    waiting += [asyncio.create_task(commits.write(_entry())) for _ in range(3)]
    await eventually(lambda: commits._writes.waiting == 3)

    with pytest.raises(Busy, match="3 results wait to be stored"):
        await commits.put([])

    writer.go_on.set()
    await asyncio.gather(*waiting)


async def test_result_is_counted_where_its_caller_is_gone_before_it_is_stored(writer: HungWriter) -> None:
    counted: list[Classification] = []
    commits = _committing(writer, on_stored=counted.append)
    result = cast(Classification, object())
    caller = asyncio.create_task(commits.write(_entry(Outcome(0, "a", result))))
    await eventually(lambda: bool(commits._writes._under_way) and not commits._writes.waiting)

    caller.cancel()
    writer.go_on.set()

    await eventually(lambda: counted == [result])
