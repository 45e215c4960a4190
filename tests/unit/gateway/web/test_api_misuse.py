"""What a caller with good credentials could still try: a key of others, fields not theirs, addresses to fetch."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from idc_contracts import utc_now
from idc_gateway.access.accounts import ApiKey, User
from idc_gateway.access.scopes import Role
from idc_gateway.access.users import FIRST_USER_NAME, Users
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.store import Store
from support.demo_patches import solid_png
from support.gateway_accounts import key_of
from support.gateway_fakes import RednessInference

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"
ADDRESS_NAME = re.compile(r"(^|_)(ur[il]|href|host|hostname|endpoint|callback|webhook|redirect|proxy)s?($|_)")


async def test_idempotency_key_of_another_caller_is_another_key(client: httpx.AsyncClient) -> None:
    other = await key_of(client, "other", "operator")

    mine = await client.post(URL, content=RED, headers={"Idempotency-Key": "order-7"})
    theirs = await client.post(URL, content=RED, headers={"Idempotency-Key": "order-7", **other})

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["items"][0]["id"] != theirs.json()["items"][0]["id"]


async def test_key_and_user_never_share_a_name(client: httpx.AsyncClient) -> None:
    """The audit chain, receipts and rates know callers by their names alone."""
    await key_of(client, "scanner", "operator")
    await client.post("/api/v1/users", json={"name": "eva", "role": "viewer"})

    user = await client.post("/api/v1/users", json={"name": "scanner", "role": "viewer"})
    key = await client.post("/api/v1/keys", json={"name": "eva", "role": "viewer"})

    assert (user.status_code, key.status_code) == (409, 409)
    assert {item["name"] for item in (await client.get("/api/v1/users")).json()["items"]} == {"eva"}


def test_key_with_the_first_administrators_name_keeps_no_gateway_from_starting(store: Store) -> None:
    event = AuditEvent("key.created", "eva", FIRST_USER_NAME, utc_now())
    store.accounts.add_key(ApiKey(FIRST_USER_NAME, Role.VIEWER.scopes, utc_now()), "0" * 64, event)

    assert Users(store.accounts).first_link() is None
    assert store.accounts.users() == []


async def test_reviewer_and_time_of_a_review_are_not_the_callers_to_set(client: httpx.AsyncClient) -> None:
    made = (await client.post(URL, content=RED)).json()["items"][0]
    forged = {"verdict": "idc", "reviewer": "professor", "by": "professor", "created_at": "1999-01-01T00:00:00Z"}

    await client.post(f"{URL}/{made['id']}/review", json=forged)
    (review,) = (await client.get(f"{URL}/{made['id']}/review")).json()["items"]

    assert "professor" not in str(review)
    assert "1999" not in str(review)


async def test_digest_and_password_of_an_account_are_not_the_callers_to_set(
    client: httpx.AsyncClient, store: Store
) -> None:
    await client.post("/api/v1/keys", json={"name": "k", "role": "viewer", "sha256": "0" * 64, "created_at": "1999"})
    await client.post("/api/v1/users", json={"name": "u", "role": "viewer", "password_hash": "x", "has_password": True})

    assert store.accounts.key("0" * 64) is None
    user = store.accounts.user("u")
    assert isinstance(user, User)
    assert user.password_hash is None


async def test_accounts_are_listed_without_anything_that_opens_them(client: httpx.AsyncClient) -> None:
    await key_of(client, "k", "viewer")
    await client.post("/api/v1/users", json={"name": "u", "role": "viewer"})

    keys = (await client.get("/api/v1/keys")).json()["items"]
    users = (await client.get("/api/v1/users")).json()["items"]

    assert all(item.keys() == {"name", "scopes", "created_at", "expires_at"} for item in keys)
    assert all(item.keys() == {"name", "role", "created_at", "has_password"} for item in users)


def _properties(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named input below a part of an OpenAPI description."""
    if isinstance(part, dict):
        yield from ((name, schema) for name, schema in part.get("properties", {}).items())
        for value in part.values():
            yield from _properties(value)
    elif isinstance(part, list):
        for value in part:
            yield from _properties(value)


def _inputs(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            yield from ((item["name"], item["schema"]) for item in operation.get("parameters", []))
            body = operation.get("requestBody", {})
            yield from _properties(body)
            for name in re.findall(r"#/components/schemas/(\w+)", str(body)):
                yield from _properties(schemas[name])


def test_no_endpoint_takes_an_address_to_fetch(app: FastAPI) -> None:
    found = list(_inputs(app.openapi()))

    assert {"patient", "verdict", "scopes", "expires_in_days", "images"} <= {name for name, _ in found}
    named = [(name, schema) for name, schema in found if ADDRESS_NAME.search(name.lower().replace("-", "_"))]
    # a slide in S3, at an address that the administrator allowed
    assert [(name, schema["anyOf"][0]["pattern"][:6]) for name, schema in named] == [("url", "^s3://")]
    assert [name for name, schema in found if re.search(r"ur[il]|hostname|ipv", str(schema.get("format", "")))] == []


@pytest.mark.parametrize(
    "body",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:8000/v2"/></svg>',
        b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>&x;</p>',
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n(/etc/passwd) (r) file\n",
        b"http://127.0.0.1:8000/v2/models/idc",
        b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x.png'\npop graphic-context\n",
    ],
    ids=["svg", "xml entity", "postscript", "address", "mvg"],
)
async def test_image_that_names_something_to_fetch_is_refused(
    client: httpx.AsyncClient, inference: RednessInference, body: bytes
) -> None:
    answer = await client.post(URL, content=body, headers={"Content-Type": "image/png"})

    assert answer.status_code == 415
    assert inference.request_ids == []


def test_every_endpoint_is_of_version_1_or_named_as_older(app: FastAPI) -> None:
    paths = set(app.openapi()["paths"])

    assert {path for path in paths if not path.startswith("/api/v1/")} == {
        "/livez",
        "/readyz",
        "/metrics",
        "/api/infer",
        "/api/IDC/infer",
    }


async def test_changing_result_needs_its_own_scope_even_for_its_sender(client: httpx.AsyncClient) -> None:
    """Who may send patches may not take results away again."""
    sender = await key_of(client, "sender", "operator")
    made = (await client.post(URL, content=RED, headers=sender)).json()["items"][0]["id"]

    refused = await client.delete(f"{URL}/{made}", headers=sender)

    assert refused.status_code == 403
    assert (await client.get(f"{URL}/{made}")).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/classifications", "/api/v1/classifications/export"])
async def test_filter_with_a_wrong_name_is_refused_and_not_left_out(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, params={"slid": "8975"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "query.slid: there is no such parameter: did you mean 'slide'?"


async def test_label_with_a_wrong_name_is_refused_before_anything_is_stored(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/classifications", params={"patientt": "P1"}, content=solid_png((250, 0, 0)))

    assert answer.status_code == 422
    assert (await client.get("/api/v1/classifications")).json()["items"] == []


async def test_parameter_that_comes_twice_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/classifications?slide=a&slide=b")

    assert answer.json()["detail"] == "query.slide: it is given more than once: send one value"
