"""Results page by page, by filter, with tags, as files, and deleted."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_gateway.errors import BadCursor
from idc_gateway.results.queries import Cursor
from support.demo_patches import solid_png
from support.gateway_fakes import MemoryImages

RED, DARK, MID = solid_png((250, 0, 0)), solid_png((10, 0, 0)), solid_png((128, 0, 0))
URL = "/api/v1/classifications"


async def post(client: httpx.AsyncClient, image: bytes = RED, **labels: Any) -> dict[str, Any]:
    answer = await client.post(URL, content=image, params=labels)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()["items"][0]
    return item


async def names(client: httpx.AsyncClient, **filters: Any) -> list[str]:
    answer = await client.get(URL, params=filters)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_pages_hold_every_result_once_even_while_new_ones_come(client: httpx.AsyncClient) -> None:
    for number in range(7):
        await post(client, name=f"{number}")
    seen, cursor = [], None
    while True:
        page = (await client.get(URL, params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await post(client, name="late")

    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_filters_leave_what_they_say(client: httpx.AsyncClient) -> None:
    first = await post(client, RED, name="a", patient="1", slide="s 1")
    await post(client, DARK, name="b", patient="1", slide="s 2")
    await post(client, MID, name="c", patient="2", slide="s 1")
    await client.post(f"{URL}/{first['id']}/review", json={"verdict": "no_idc"})

    assert await names(client, decision="uncertain") == ["c"]
    assert await names(client, patient="1") == ["b", "a"]
    assert await names(client, slide="s 1", patient="2") == ["c"]
    assert await names(client, reviewed=True) == ["a"]
    assert await names(client, reviewed=False) == ["c", "b"]
    assert await names(client, created_before=first["created_at"]) == []
    assert await names(client, created_from=first["created_at"]) == ["c", "b", "a"]


async def test_results_are_counted_by_decision_however_many_a_page_has(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{URL}/counts")).json() == {"idc": 0, "uncertain": 0, "no_idc": 0}
    for image in (RED, DARK, DARK):
        await post(client, image)

    assert (await client.get(f"{URL}/counts")).json() == {"idc": 1, "uncertain": 0, "no_idc": 2}


@pytest.mark.parametrize(
    ("filters", "status"),
    [
        ({"cursor": "nonsense"}, 400),
        ({"decision": "perhaps"}, 422),
        ({"created_from": "2026-01-01T00:00:00"}, 422),
        ({"created_from": "0001-01-01T00:00:00+14:00"}, 422),
        ({"patient": "a\x00b"}, 422),
        ({"limit": 1001}, 422),
    ],
)
async def test_wrong_filter_is_a_problem(client: httpx.AsyncClient, filters: dict[str, Any], status: int) -> None:
    answer = await client.get(URL, params=filters)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)), st.integers(0, 2**62))
def test_cursor_comes_back_as_it_was(moment: datetime, sequence: int) -> None:
    assert Cursor.parse(str(Cursor(moment, sequence))) == Cursor(moment, sequence)


@given(st.text(max_size=40))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        Cursor.parse(text)
    except BadCursor as exc:
        assert "omit it" in str(exc)  # noqa: PT017


async def test_image_comes_back_byte_by_byte(client: httpx.AsyncClient) -> None:
    item = await post(client)

    image = await client.get(f"{URL}/{item['id']}/image")

    assert image.content == RED
    assert image.headers["Content-Type"] == "image/png"
    assert image.headers["ETag"] == f'"{item["image_sha256"]}"'


async def test_image_that_is_gone_is_not_found(client: httpx.AsyncClient, images: MemoryImages) -> None:
    item = await post(client)
    images.images.clear()

    assert (await client.get(f"{URL}/{item['id']}/image")).status_code == 404
    assert (await client.get(f"{URL}/{item['id']}")).status_code == 200


async def test_deleted_result_is_gone_with_its_image_and_its_deletion_is_audited(
    client: httpx.AsyncClient, images: MemoryImages
) -> None:
    twin, item = await post(client), await post(client)

    assert (await client.delete(f"{URL}/{item['id']}")).status_code == 204
    assert (await client.delete(f"{URL}/{item['id']}")).status_code == 404
    assert len(images.images) == 1, "the other result still has it"
    await client.delete(f"{URL}/{twin['id']}")

    assert images.images == {}
    assert await names(client) == []
    records = (await client.get("/api/v1/audit")).json()["items"]
    deletions = [r for r in records if r["action"].endswith(".deleted")]
    assert [(r["action"], r["subject"], r["actor"]) for r in deletions] == [
        ("classification.deleted", twin["id"], "first"),
        ("classification.deleted", item["id"], "first"),
    ]
    assert (await client.get("/api/v1/audit/verification")).json()["intact"]


async def test_table_has_every_result_and_no_formula(client: httpx.AsyncClient) -> None:
    await post(client, name="=SUM(A1:A9)", patient="1", x=5, y=6)
    await post(client, DARK, name="b, c")

    answer = await client.get(f"{URL}/export", params={"format": "csv"})

    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == ["b, c", "'=SUM(A1:A9)"]
    assert (rows[1]["patient"], rows[1]["x_px"], rows[1]["decision"]) == ("1", "5", "idc")
    assert float(rows[1]["probability"]) == pytest.approx(250 / 255)


async def test_geojson_needs_a_slide(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{URL}/export", params={"format": "geojson"})

    assert answer.status_code == 400
    assert "slide" in answer.json()["detail"]


async def test_review_stands_above_those_before_and_none_is_lost(client: httpx.AsyncClient) -> None:
    item = await post(client)
    url = f"{URL}/{item['id']}/review"

    await client.post(url, json={"verdict": "unclear", "comment": "out of focus"})
    await client.post(url, json={"verdict": "idc"})

    history = (await client.get(url)).json()["items"]
    assert [(r["verdict"], r["comment"], r["reviewer"]) for r in history] == [
        ("idc", "", "first"),
        ("unclear", "out of focus", "first"),
    ]
    assert (await client.get(f"{URL}/{item['id']}")).json()["review"] == history[0]
    moment = datetime.fromisoformat(history[0]["reviewed_at"])
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)


async def test_review_of_nothing_is_not_found(client: httpx.AsyncClient) -> None:
    url = f"{URL}/00000000-0000-4000-8000-000000000000/review"

    assert (await client.post(url, json={"verdict": "idc"})).status_code == 404
    assert (await client.get(url)).status_code == 404
    assert (await client.get("/api/v1/audit")).json()["items"][0]["action"] != "review.recorded"
