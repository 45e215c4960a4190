"""Results in the order of their distance from the cut, page by page."""

import math
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from idc_contracts import Decision, Reason
from idc_gateway.errors import BadCursor
from idc_gateway.results.queries import ClassificationFilter, UncertaintyCursor
from idc_gateway.results.uncertainty_store import nearest_the_cut
from idc_gateway.store import Store
from support.demo_patches import solid_png

URL = "/api/v1/classifications"
REDS = {"idc": 250, "no idc": 20, "middle": 128, "high": 150, "low": 108}
"""The thresholds are at 0.4 and 0.6: the middle between them is a red of 127.5."""
ORDER = ["middle", "low", "high", "no idc", "idc"]


async def send_all(client: httpx.AsyncClient) -> None:
    """One result of each red."""
    for name, red in REDS.items():
        answer = await client.post(URL, content=solid_png((red, 0, 0)), params={"name": name})
        assert answer.status_code == 201


async def pages(client: httpx.AsyncClient, **filters: Any) -> list[str]:
    """The names on all pages of two."""
    found: list[str] = []
    query = {"order": "uncertainty", "limit": 2, **filters}
    while True:
        answer = await client.get(URL, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def test_nearest_the_cut_comes_first_on_every_page(client: httpx.AsyncClient) -> None:
    await send_all(client)

    assert await pages(client) == ORDER


async def test_filters_leave_the_order(client: httpx.AsyncClient) -> None:
    await send_all(client)
    newest = (await client.get(URL, params={"order": "uncertainty", "limit": 1})).json()["items"][0]
    await client.post(f"{URL}/{newest['id']}/review", json={"verdict": "idc"})

    assert await pages(client, decision="uncertain") == ["middle", "low", "high"]
    assert await pages(client, reviewed=False) == ORDER[1:]
    assert await pages(client, reviewed=False, decision="no_idc") == ["no idc"]


async def test_results_at_one_distance_come_once_each(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await client.post(URL, content=solid_png((128, 0, 0)), params={"name": str(number)})

    assert await pages(client) == ["0", "1", "2", "3", "4"]


async def test_cursor_of_another_order_is_refused(client: httpx.AsyncClient) -> None:
    await send_all(client)
    by_time = (await client.get(URL, params={"limit": 1})).json()["next_cursor"]

    answer = await client.get(URL, params={"order": "uncertainty", "cursor": by_time})

    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "bad-cursor")


@pytest.mark.parametrize(
    ("wanted", "stretches"),
    [
        (ClassificationFilter(), 12),
        (ClassificationFilter(reviewed=False), 3),
        (ClassificationFilter(reviewed=True), 9),
        (ClassificationFilter(decision=Decision.IDC), 4),
        (ClassificationFilter(decision=Decision.IDC, reviewed=False), 1),
        (ClassificationFilter(reason=Reason.UNFAMILIAR), 4),
    ],
)
def test_page_is_read_in_stretches_of_the_index(store: Store, wanted: ClassificationFilter, stretches: int) -> None:
    query = nearest_the_cut(wanted, [], 50, UncertaintyCursor(0.1, 7))
    sql = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with store.database.read() as connection:
        plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]

    reads = [line for line in plan if " classifications " in f"{line} "]
    assert len(reads) == stretches
    assert all("INDEX classifications_by_uncertainty (decision=? AND verdict=? AND <expr>>?)" in line for line in reads)


@given(st.floats(0, 1), st.integers(0, 2**40))
def test_cursor_is_read_as_it_was_written(distance: float, sequence: int) -> None:
    cursor = UncertaintyCursor(distance, sequence)

    assert UncertaintyCursor.parse(str(cursor)) == cursor


@given(st.text())
def test_any_other_cursor_is_refused_or_harmless(text_: str) -> None:
    with suppress(BadCursor):
        assert math.isfinite(UncertaintyCursor.parse(text_).distance)
