"""Records are found by actor, action, subject and time."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from idc_gateway.audit.audit_store import AuditFilter
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENTS = [
    AuditEvent("user.created", "ada", "eva", NOON),
    AuditEvent("user.removed", "ada", "ben", NOON + timedelta(days=1)),
    AuditEvent("users.listed", "ada", "users", NOON + timedelta(days=2)),
    AuditEvent("key.created", "eva", "scanner", NOON + timedelta(days=3)),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), ["key.created", "users.listed", "user.removed", "user.created"]),
        (AuditFilter(actor="eva"), ["key.created"]),
        (AuditFilter(action="user.created"), ["user.created"]),
        (AuditFilter(action="user"), ["user.removed", "user.created"]),
        (AuditFilter(subject="ben"), ["user.removed"]),
        (AuditFilter(actor="ada", at_from=NOON + timedelta(days=1)), ["users.listed", "user.removed"]),
        (AuditFilter(at_before=NOON + timedelta(days=1)), ["user.created"]),
        (AuditFilter(actor="nobody"), []),
    ],
)
def test_filter_leaves_what_it_says(store: Store, wanted: AuditFilter, found: list[str]) -> None:
    store.audit.record(EVENTS)

    assert [record.event.action for record in store.audit.page(10, wanted=wanted)] == found


async def test_pages_of_a_filter_hold_every_record_once(client: httpx.AsyncClient, store: Store) -> None:
    store.audit.record(EVENTS * 3)
    seen, query = [], {"actor": "ada", "action": "user", "limit": 4}
    while True:
        page = (await client.get("/api/v1/audit", params=query)).json()
        seen += [item["sequence"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("condition", ["actor = 'a'", "subject = 's'", "action >= 'user.' AND action < 'user/'"])
def test_filter_reads_an_index(store: Store, condition: str) -> None:
    query = f"SELECT * FROM audit WHERE {condition} ORDER BY sequence DESC LIMIT 50"
    with store.database.read() as connection:
        plan = " ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))

    assert "audit_by_" in plan


async def test_text_with_a_zero_byte_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/audit", params={"actor": "a\0"})).status_code == 422
