"""Folders of patches: what their senders say, and the counts of their results."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable
from idc_gateway.results import folder_results_store
from support.demo_patches import solid_png
from support.gateway_accounts import key_of
from support.gateway_fakes import MemoryImages

RED, DARK, MID = solid_png((250, 0, 0)), solid_png((10, 0, 0)), solid_png((128, 0, 0))
PATCHES = "/api/v1/classifications"
FOLDERS = "/api/v1/folders"
GREY = {"name": "grey.png", "reason": "the image is grey: send the stained patch"}


async def put(client: httpx.AsyncClient, identity: str, name: str = "b1", **facts: Any) -> dict[str, Any]:
    answer = await client.put(f"{FOLDERS}/{identity}", json={"name": name, **facts})
    assert answer.status_code in (200, 201), answer.text
    item: dict[str, Any] = answer.json()
    return item


async def send(client: httpx.AsyncClient, identity: str, *images: bytes) -> dict[str, Any]:
    files = [("images", (f"{place}.png", image, "image/png")) for place, image in enumerate(images)]
    answer = await client.post(PATCHES, files=files, params={"folder": identity})
    batch: dict[str, Any] = answer.json()
    return batch


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get(FOLDERS, params=query)).json()["items"]
    return items


async def test_folder_counts_its_results_and_what_was_left_out(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    made = await put(client, identity, files=5)
    batch = await send(client, identity, RED, RED, DARK, MID)
    await client.post(f"{PATCHES}/{batch['items'][0]['classification']['id']}/review", json={"verdict": "idc"})
    await client.post(PATCHES, content=RED)  # in no folder

    ended = await put(client, identity, files=5, state="done", left_out=1, left_out_files=[GREY])

    assert (made["state"], made["counts"]["idc"]) == ("open", 0)
    assert ended["counts"] == {"idc": 2, "uncertain": 1, "no_idc": 1, "left_out": 1, "reviewed": 1}
    assert ended["left_out_files"] == [GREY]
    assert (await client.get(f"{FOLDERS}/{identity}")).json() == ended
    assert await listed(client) == [ended]


async def test_results_say_their_folder_and_are_filtered_by_it(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    await put(client, identity)
    await client.post(PATCHES, content=RED, params={"name": "outside"})

    await client.post(PATCHES, content=RED, params={"name": "inside", "folder": identity})

    (inside,) = (await client.get(PATCHES, params={"folder": identity})).json()["items"]
    assert (inside["name"], inside["folder"]) == ("inside", identity)
    assert len((await client.get(PATCHES)).json()["items"]) == 2
    csv = (await client.get(f"{PATCHES}/export", params={"format": "csv", "folder": identity})).text
    assert csv.count("inside") == 1
    assert "outside" not in csv


async def test_patch_for_an_unknown_folder_is_refused_before_it_is_classified(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATCHES, content=RED, params={"folder": str(uuid4())})

    assert answer.status_code == 404
    assert "make it with PUT /api/v1/folders/" in answer.json()["detail"]
    assert (await client.get(PATCHES)).json()["items"] == []


async def test_saying_it_again_changes_nothing(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    first = await client.put(f"{FOLDERS}/{identity}", json={"name": "b1"})
    again = await client.put(f"{FOLDERS}/{identity}", json={"name": "b1"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert len(await listed(client)) == 1
    records = (await client.get("/api/v1/audit")).json()["items"]
    assert [record["action"] for record in records].count("folder.opened") == 1


async def test_folder_belongs_to_the_caller_who_made_it(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    await put(client, identity)
    other = await key_of(client, "other")

    answer = await client.put(f"{FOLDERS}/{identity}", json={"name": "mine"}, headers=other)

    assert answer.status_code == 403
    assert (await client.get(f"{FOLDERS}/{identity}")).json()["name"] == "b1"


async def test_name_of_a_folder_stays_out_of_the_audit_chain(client: httpx.AsyncClient) -> None:
    await put(client, str(uuid4()), name="Erika Mustermann", state="done")

    assert "Mustermann" not in (await client.get("/api/v1/audit")).text


async def test_folders_are_listed_newest_first_page_by_page(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await put(client, str(uuid4()), name=f"f{number}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(FOLDERS, params=query)).json()
        assert page["total"] == 5
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ["f4", "f3", "f2", "f1", "f0"]
    assert (await client.get(FOLDERS, params={"cursor": "x"})).status_code == 400


async def test_folders_are_found_by_a_part_of_their_name_and_by_state(client: httpx.AsyncClient) -> None:
    await put(client, str(uuid4()), name="100% Größe_A")
    await put(client, str(uuid4()), name="b", state="cancelled")

    assert [item["name"] for item in await listed(client, search="GRÖSSE".lower())] == []
    assert [item["name"] for item in await listed(client, search="größe_")] == ["100% Größe_A"]
    assert [item["name"] for item in await listed(client, search="%")] == ["100% Größe_A"]
    assert [item["name"] for item in await listed(client, state="cancelled")] == ["b"]


async def test_deleted_result_is_counted_no_more(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    await put(client, identity)
    batch = await send(client, identity, RED, DARK)

    await client.delete(f"{PATCHES}/{batch['items'][0]['classification']['id']}")

    (folder,) = await listed(client)
    assert (folder["counts"]["idc"], folder["counts"]["no_idc"]) == (0, 1)


async def test_viewer_sees_folders_and_makes_none(client: httpx.AsyncClient) -> None:
    viewer = await key_of(client, "viewer", "viewer")

    assert (await client.get(FOLDERS, headers=viewer)).status_code == 200
    assert (await client.put(f"{FOLDERS}/{uuid4()}", json={"name": "b"}, headers=viewer)).status_code == 403


async def test_key_names_another_request_with_another_folder(client: httpx.AsyncClient) -> None:
    one, other = str(uuid4()), str(uuid4())
    await put(client, one)
    await put(client, other)
    key = {"Idempotency-Key": "k"}
    await client.post(PATCHES, content=RED, params={"folder": one}, headers=key)

    answer = await client.post(PATCHES, content=RED, params={"folder": other}, headers=key)

    assert answer.status_code == 422


async def test_full_list_of_left_out_files_fits_a_request(client: httpx.AsyncClient) -> None:
    files = [{"name": f"{number:03}" + "n" * 252, "reason": "r" * 500} for number in range(50)]  # the longest ones

    folder = await put(client, str(uuid4()), left_out=1200, left_out_files=files)

    assert (folder["counts"]["left_out"], len(folder["left_out_files"])) == (1200, 50)


async def test_who_looks_at_folders_is_recorded(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    await put(client, identity)
    await client.get(FOLDERS)
    await client.get(f"{FOLDERS}/{identity}")

    actions = [record["action"] for record in (await client.get("/api/v1/audit")).json()["items"]]

    assert {"folder.opened", "folders.listed", "folder.viewed"} <= set(actions)


async def audited(client: httpx.AsyncClient, *actions: str) -> list[tuple[str, str, str]]:
    """Action, subject and actor of records, oldest first."""
    records = (await client.get("/api/v1/audit")).json()["items"]
    return [(r["action"], r["subject"], r["actor"]) for r in reversed(records) if r["action"] in actions]


def ids(batch: dict[str, Any]) -> list[str]:
    return [item["classification"]["id"] for item in batch["items"]]


async def test_deleted_folder_is_gone_with_its_results_reviews_and_images_and_all_is_audited(
    client: httpx.AsyncClient, images: MemoryImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_results_store, "BATCH", 2)
    identity, kept = str(uuid4()), str(uuid4())
    await put(client, identity)
    await put(client, kept)
    results = ids(await send(client, identity, RED, DARK, MID, solid_png((240, 0, 0)), solid_png((230, 0, 0))))
    (other,) = ids(await send(client, kept, RED))
    await client.post(f"{PATCHES}/{results[0]}/review", json={"verdict": "idc"})

    assert (await client.delete(f"{FOLDERS}/{identity}")).status_code == 204

    assert (await client.delete(f"{FOLDERS}/{identity}")).status_code == 404
    assert (await client.get(f"{FOLDERS}/{identity}")).status_code == 404
    assert [folder["id"] for folder in await listed(client)] == [kept]
    assert [item["id"] for item in (await client.get(PATCHES)).json()["items"]] == [other]
    assert (await client.get(f"{PATCHES}/{results[0]}/review")).status_code == 404
    assert list(images.images.values()) == [RED], "the other folder still has it"
    deleted = await audited(client, "folder.deleted", "classification.deleted")
    assert deleted[0] == ("folder.deleted", identity, "first")
    assert sorted(deleted[1:]) == sorted(("classification.deleted", result, "first") for result in results)
    assert (await client.get("/api/v1/audit/verification")).json()["intact"]


async def test_audit_chain_says_what_a_deleted_folder_had(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    await put(client, identity, name="Erika Mustermann")
    await send(client, identity, RED, RED, DARK, MID)

    await client.delete(f"{FOLDERS}/{identity}")

    answer = await client.get("/api/v1/audit", params={"action": "folder.deleted"})
    (record,) = answer.json()["items"]
    assert record["details"] == {"idc": 2, "uncertain": 1, "no_idc": 1, "reviewed": 0}
    assert "Mustermann" not in answer.text


async def test_only_an_administrator_deletes_a_folder_even_its_sender_does_not(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    sender = await key_of(client, "sender", "reviewer")
    await client.put(f"{FOLDERS}/{identity}", json={"name": "b1"}, headers=sender)

    answer = await client.delete(f"{FOLDERS}/{identity}", headers=sender)

    assert answer.status_code == 403
    assert len(await listed(client)) == 1


async def test_sender_of_a_deleted_folder_is_told_and_makes_it_not_again(client: httpx.AsyncClient) -> None:
    identity = str(uuid4())
    await put(client, identity)
    await client.delete(f"{FOLDERS}/{identity}")

    patch = await client.post(PATCHES, content=RED, params={"folder": identity})
    facts = await client.put(f"{FOLDERS}/{identity}", json={"name": "b1", "state": "done"})

    assert patch.status_code == 404
    assert (facts.status_code, facts.json()["type"].rpartition(":")[2]) == (410, "folder-deleted")
    assert "was deleted" in facts.json()["detail"]
    assert await listed(client) == []


async def test_deletion_that_was_interrupted_is_ended_by_housekeeping(
    client: httpx.AsyncClient, app: FastAPI, images: MemoryImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, kept = str(uuid4()), str(uuid4())
    for folder in (identity, kept):
        await put(client, folder)
    results = ids(await send(client, identity, RED, DARK))
    await send(client, kept, MID)
    gateway = app.state.gateway
    with monkeypatch.context() as broken:
        broken.setattr(gateway.store.folder_results, "delete", _fail)
        assert (await client.delete(f"{FOLDERS}/{identity}")).status_code == 503
    assert [folder["id"] for folder in await listed(client)] == [kept]

    gateway.results.housekeeping.remove_due()
    gateway.results.deletions.delete_due()

    assert len((await client.get(PATCHES)).json()["items"]) == 1
    assert list(images.images.values()) == [MID]
    deleted = await audited(client, "classification.deleted")
    assert sorted(deleted) == sorted(("classification.deleted", result, "gateway") for result in results)


def _fail(*_: object) -> int:
    raise StoreUnavailable("the disk is full")


async def test_deletions_are_told_from_the_record_where_somebody_began_to_look(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    store = app.state.gateway.store.folders
    first, second = uuid4(), uuid4()
    for identity in (first, second):
        await put(client, str(identity))
    assert store.delete(first, deletion(first))
    nothing, begun = store.deleted_since(None)

    assert store.delete(second, deletion(second))

    told, last = store.deleted_since(begun)
    assert (nothing, told) == ([], [second])
    assert store.deleted_since(last) == ([], last)


def deletion(folder: UUID) -> AuditEvent:
    return AuditEvent("folder.deleted", "k", str(folder), datetime(2026, 1, 1, tzinfo=UTC))
