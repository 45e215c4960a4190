"""A request that is sent again under its Idempotency-Key is answered again and done once."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from idc_gateway.access.accounts import User
from idc_gateway.access.scopes import Role
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.classifying.uploads import PART_IMAGES
from idc_gateway.idempotency.receipts import Claim, Receipt, fingerprint_of
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.settings import GatewaySettings
from idc_gateway.store import Store
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

RED, DARK = solid_png((250, 0, 0)), solid_png((10, 0, 0))
URL = "/api/v1/classifications"
KEY = {"Idempotency-Key": "order-7"}


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    return settings.model_copy(update={"max_images": 300})


async def count(client: httpx.AsyncClient) -> int:
    return len((await client.get(URL, params={"limit": 1000})).json()["items"])


async def test_same_patch_under_the_same_key_is_one_result(
    client: httpx.AsyncClient, inference: RednessInference, bus: MemoryBus
) -> None:
    first = await client.post(URL, content=RED, headers=KEY)
    second = await client.post(URL, content=RED, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert await count(client) == 1
    assert len(inference.request_ids) == 1
    await eventually(lambda: len(bus.published) == 1)


async def test_another_patch_under_the_same_key_is_refused(client: httpx.AsyncClient) -> None:
    await client.post(URL, content=RED, headers=KEY)

    answer = await client.post(URL, content=DARK, headers=KEY)

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")
    assert await count(client) == 1


async def test_requests_at_the_same_time_are_one_result(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post(URL, content=RED, headers=KEY) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["items"][0]["id"] for answer in answers}) == 1
    assert await count(client) == 1


async def test_form_is_taken_up_where_it_broke_off(client: httpx.AsyncClient, inference: RednessInference) -> None:
    files = [("images", (f"{n}.png", RED)) for n in range(PART_IMAGES + 10)]
    request = client.build_request("POST", URL, files=files)
    body, kind = request.read(), {"Content-Type": request.headers["Content-Type"]}

    broken = await client.post(URL, content=body[:-300], headers={**KEY, **kind})
    again = await client.post(URL, content=body, headers={**KEY, **kind})

    assert broken.status_code == 400
    assert again.status_code == 201
    assert again.json()["accepted"] == PART_IMAGES + 10
    assert again.json()["items"][:PART_IMAGES] == broken.json()["items"]
    assert await count(client) == PART_IMAGES + 10
    assert len(inference.request_ids) == 2


async def test_errors_of_images_are_answered_again_too(client: httpx.AsyncClient) -> None:
    files = [("images", ("a.png", RED)), ("images", ("b.png", b"no image"))]

    answers = [await client.post(URL, files=files, headers=KEY) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert await count(client) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "\u00e9"])
async def test_bad_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post(URL, content=RED, headers={"Idempotency-Key": key.encode()})

    assert answer.status_code == 422
    assert await count(client) == 0


async def test_deleted_result_is_not_made_again(client: httpx.AsyncClient) -> None:
    first = await client.post(URL, content=RED, headers=KEY)
    await client.delete(first.headers["Location"])

    answer = await client.post(URL, content=RED, headers=KEY)

    assert answer.status_code == 404
    assert await count(client) == 0


async def test_review_under_the_same_key_is_recorded_once(client: httpx.AsyncClient) -> None:
    url = (await client.post(URL, content=RED)).headers["Location"] + "/review"

    answers = [await client.post(url, json={"verdict": "idc"}, headers=KEY) for _ in range(2)]
    other = await client.post(url, json={"verdict": "no_idc"}, headers=KEY)

    assert answers[0].json() == answers[1].json()
    assert other.status_code == 422
    assert len((await client.get(url)).json()["items"]) == 1


async def test_receipts_go_after_a_day(client: httpx.AsyncClient, store: Store) -> None:
    await client.post(URL, content=RED, headers=KEY)
    receipt_time = (await client.get(URL)).json()["items"][0]["created_at"]

    store.receipts.forget(datetime.fromisoformat(receipt_time) + timedelta(seconds=1))

    assert (await client.post(URL, content=DARK, headers=KEY)).status_code == 201


def test_fingerprint_knows_where_pieces_meet() -> None:
    assert fingerprint_of([b"ab", b"c"]) != fingerprint_of([b"a", b"bc"])


async def test_repeated_answer_has_nothing_of_a_later_review(client: httpx.AsyncClient) -> None:
    first = await client.post(URL, content=RED, headers=KEY)
    identity = first.json()["items"][0]["id"]
    await client.post(f"{URL}/{identity}/review", json={"verdict": "idc", "comment": "for readers alone"})

    again = await client.post(URL, content=RED, headers=KEY)

    assert again.json() == first.json()


async def test_key_of_the_same_name_does_not_get_the_answers_of_the_one_before(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    identities = set()
    for _ in range(2):
        made = await client.post("/api/v1/keys", json={"name": "lab", "role": "operator"})
        headers = KEY | {"Authorization": f"Bearer {made.json()['key']}"}
        identities.add((await stranger.post(URL, content=RED, headers=headers)).json()["items"][0]["id"])
        await client.delete("/api/v1/keys/lab")

    assert len(identities) == 2


async def test_user_of_the_same_name_does_not_get_the_answers_of_the_one_before(store: Store) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    event = AuditEvent("user.removed", "first", "eva", now)
    store.accounts.add_user(User("eva", Role.OPERATOR, now), event)
    claim = Claim("eva", "order-7", 0, "f" * 64)
    store.results.add([UnitOfWork(now, receipt=Receipt(claim, b"[]", now))])
    assert store.receipts.find(claim) is not None

    store.accounts.delete_user("eva", event)

    assert store.receipts.find(claim) is None


async def test_key_that_an_older_version_took_is_known_after_an_upgrade(
    client: httpx.AsyncClient, store: Store
) -> None:
    await client.post(URL, content=RED, headers=KEY)

    receipt = store.receipts.find(Claim("first", "order-7", 0, ""))

    assert receipt is not None
    as_ever = [b"classifications", b"", b"(None, None, None, None)", RED]
    assert receipt.claim.fingerprint == fingerprint_of(as_ever)
