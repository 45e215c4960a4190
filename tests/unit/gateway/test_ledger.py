"""The line before the database has an end in time and in length."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from idc_contracts import utc_now
from idc_gateway.classifying import group_commit as ledger_module
from idc_gateway.classifying.group_commit import Ledger
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.result_writer import Deeds, Entry
from idc_gateway.errors import Busy, StoreUnavailable
from idc_gateway.idempotency.job import Request
from idc_gateway.results.classifications import Classification
from support.eventually import eventually


class HungDeeds:
    """Writes when the test lets it."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.written: list[Entry] = []

    def put_images(self, entry: Entry) -> Entry:
        return entry

    def write(self, entries: list[Entry]) -> list[bool]:
        self.go_on.wait()
        self.written += entries
        return [True] * len(entries)


@pytest.fixture
def deeds() -> Iterator[HungDeeds]:
    deeds = HungDeeds()
    yield deeds
    deeds.go_on.set()


def _entry(*outcomes: Outcome) -> Entry:
    return Entry(outcomes, [], Request("tester", "one"), utc_now())


def _ledger(deeds: HungDeeds, **options: Any) -> Ledger:
    return Ledger(cast(Deeds, deeds), lambda: None, options.pop("on_stored", lambda _result: None), **options)


async def test_who_waits_behind_a_transaction_that_hangs_is_told_in_time_and_nothing_of_it_is_stored_later(
    deeds: HungDeeds,
) -> None:
    ledger = _ledger(deeds, timeout_s=0.2)
    first, second = _entry(), _entry()
    begun = asyncio.create_task(ledger.write(first))
    await eventually(lambda: ledger._writing is not None and not ledger._waiting)

    with pytest.raises(StoreUnavailable, match="nothing was stored"):
        await ledger.write(second)
    with pytest.raises(StoreUnavailable, match="may yet store this"):
        await begun

    deeds.go_on.set()
    await eventually(lambda: bool(deeds.written))
    assert deeds.written == [first]


async def test_line_has_an_end(deeds: HungDeeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_WAITING", 3)
    ledger = _ledger(deeds)
    waiting = [asyncio.create_task(ledger.write(_entry()))]
    await eventually(lambda: ledger._writing is not None and not ledger._waiting)
    waiting += [asyncio.create_task(ledger.write(_entry())) for _ in range(3)]
    await eventually(lambda: len(ledger._waiting) == 3)

    with pytest.raises(Busy, match="3 results wait to be stored"):
        await ledger.write(_entry())

    deeds.go_on.set()
    await asyncio.gather(*waiting)


async def test_result_is_counted_where_its_caller_is_gone_before_it_is_stored(deeds: HungDeeds) -> None:
    counted: list[Classification] = []
    ledger = _ledger(deeds, on_stored=counted.append)
    result = cast(Classification, object())
    caller = asyncio.create_task(ledger.write(_entry(Outcome(0, "a", result))))
    await eventually(lambda: ledger._writing is not None and not ledger._waiting)

    caller.cancel()
    deeds.go_on.set()

    await eventually(lambda: counted == [result])
