"""Keys with scopes and an end, users with roles, links that work once, and guessing that gets nowhere."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idc_gateway.access.keys import Keyring
from idc_gateway.access.passwords import hash_of, is_right
from idc_gateway.access.scopes import Role, Scope
from idc_gateway.access.throttle import RequestRates
from idc_gateway.access.users import LINK_LIFETIME, Users
from idc_gateway.errors import TooMany, Unauthenticated
from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png
from support.gateway_accounts import KEY, PASSWORD, Clock, key_of, link_of, sign_up

RED = solid_png((250, 0, 0))


ALLOWED = {
    Role.VIEWER: {"read"},
    Role.OPERATOR: {"read", "classify", "alarm"},
    Role.REVIEWER: {"read", "classify", "alarm", "review"},
    Role.ADMIN: {"read", "classify", "alarm", "review", "audit", "admin"},
}
NOBODY = "00000000-0000-4000-8000-000000000000"
ACTS = {
    "read": ("GET", "/api/v1/classifications", {}),
    "classify": ("POST", "/api/v1/classifications", {"content": RED}),
    "alarm": ("POST", "/api/v1/alarms/alarm/tests", {"json": {}}),
    "review": ("POST", f"/api/v1/classifications/{NOBODY}/review", {"json": {"verdict": "idc"}}),
    "audit": ("GET", "/api/v1/audit", {}),
    "admin": ("DELETE", f"/api/v1/classifications/{NOBODY}", {}),
}


@pytest.mark.parametrize("role", list(Role))
async def test_role_may_do_what_it_says_and_no_more(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, role: Role
) -> None:
    key = await key_of(client, role=role)

    allowed = set()
    for scope, (method, path, body) in ACTS.items():
        answer = await stranger.request(method, path, headers=key, **body)
        assert answer.status_code != 401
        if answer.status_code != 403:
            allowed.add(scope)

    assert allowed == ALLOWED[role] == {scope.value for scope in role.scopes}


async def test_administration_needs_the_scope_admin(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    key = await key_of(client, role=None, scopes=[s for s in Scope if s is not Scope.ADMIN])

    for method, path in [
        ("GET", "/api/v1/keys"),
        ("POST", "/api/v1/keys"),
        ("DELETE", "/api/v1/keys/first"),
        ("GET", "/api/v1/users"),
        ("POST", "/api/v1/users"),
        ("PUT", "/api/v1/users/admin/role"),
        ("POST", "/api/v1/users/admin/sign-in-link"),
        ("DELETE", "/api/v1/users/admin"),
        ("GET", "/api/v1/models/versions"),
        ("POST", "/api/v1/models/versions/1/promote"),
        ("POST", "/api/v1/models/versions/1/roll-back"),
    ]:
        answer = await stranger.request(method, path, headers=key, json={"name": "x", "role": "admin"})
        assert answer.status_code == 403, path


async def test_key_is_shown_once_and_stored_as_a_digest(client: httpx.AsyncClient, tmp_path: Path) -> None:
    made = (await client.post("/api/v1/keys", json={"name": "lab", "role": "operator"})).json()

    listed = (await client.get("/api/v1/keys")).json()["items"]
    audited = (await client.get("/api/v1/audit", params={"limit": 100})).text
    dump = "\n".join(sqlite3.connect(tmp_path / "gateway.sqlite3").iterdump())

    assert [item["name"] for item in listed] == ["first", "lab"]
    assert "key" not in listed[1]
    assert made["key"].startswith("idc_")
    assert made["key"] not in audited + dump
    assert "key.created" in audited


async def test_revoked_key_is_refused_at_once(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    key = await key_of(client, role="viewer")
    assert (await stranger.get("/api/v1/alarms", headers=key)).status_code == 200

    assert (await client.delete("/api/v1/keys/k")).status_code == 204

    assert (await stranger.get("/api/v1/alarms", headers=key)).status_code == 401
    assert (await client.delete("/api/v1/keys/k")).status_code == 404


async def test_name_of_a_key_is_given_once(client: httpx.AsyncClient) -> None:
    await key_of(client, role="viewer")

    assert (await client.post("/api/v1/keys", json={"name": "k", "role": "admin"})).status_code == 409


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "x"},
        {"name": "x", "role": "viewer", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "role": "king"},
        {"name": "../x", "role": "viewer"},
        {"name": "x", "role": "viewer", "expires_in_days": 0},
    ],
)
async def test_wrong_key_is_not_made(client: httpx.AsyncClient, wanted: dict[str, Any]) -> None:
    assert (await client.post("/api/v1/keys", json=wanted)).status_code == 422


async def test_key_ends_with_its_time(keyring: Keyring, clock: Clock) -> None:
    _, secret = await keyring.create("k", Role.VIEWER.scopes, timedelta(days=1), "first", "r")
    assert (await keyring.by_key(secret)).scopes == Role.VIEWER.scopes

    clock.now += timedelta(days=1)

    with pytest.raises(Unauthenticated, match="expired"):
        await keyring.by_key(secret)


async def test_user_comes_in_by_link_then_by_password(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await sign_up(client, browser, role="reviewer")
    await browser.delete("/api/v1/session")
    assert (await browser.get("/api/v1/session")).status_code == 401

    answer = await browser.post("/api/v1/session", json={"name": "eva", "password": PASSWORD})

    assert answer.status_code == 204
    session = (await browser.get("/api/v1/session")).json()
    assert (session["name"], session["is_user"]) == ("eva", True)
    assert session["scopes"] == ["alarm", "classify", "read", "review"]
    posted = await browser.post("/api/v1/classifications", content=RED)
    review = await browser.post(f"{posted.headers['Location']}/review", json={"verdict": "idc"})
    assert review.json()["reviewer"] == "eva"


async def test_link_works_once(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    token = await link_of(client)

    answers = [await browser.post("/api/v1/session", json={"link": token}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 401]


async def test_newer_link_replaces_the_older_and_a_link_ends_with_its_time(users: Users, clock: Clock) -> None:
    _, first = await users.create("eva", Role.VIEWER, "first", "r")
    second = await users.new_link("eva", "first", "r")
    third_user, third = await users.create("ben", Role.VIEWER, "first", "r")

    with pytest.raises(Unauthenticated):
        await users.by_link(first, "r")
    assert (await users.by_link(second, "r")).name == "eva"
    clock.now += LINK_LIFETIME
    with pytest.raises(Unauthenticated):
        await users.by_link(third, "r")
    assert third_user.role is Role.VIEWER


async def test_first_start_lets_the_administrator_in_until_someone_has_a_password(users: Users) -> None:
    first, second = users.first_link(), users.first_link()
    assert first is not None
    assert second is not None

    admin = await users.by_link(second, "r")
    await users.set_password(admin.name, PASSWORD, "r")

    assert admin.role is Role.ADMIN
    assert users.first_link() is None


async def test_new_password_ends_the_other_sessions(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await sign_up(client, browser)
    stolen = dict(browser.cookies)

    await browser.put("/api/v1/session/password", json={"password": PASSWORD + "!", "old_password": PASSWORD})

    assert (await browser.get("/api/v1/session")).status_code == 200
    browser.cookies.clear()
    browser.cookies.update(stolen)
    assert (await browser.get("/api/v1/session")).status_code == 401


async def test_role_holds_from_the_next_request_and_removal_ends_the_session(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await sign_up(client, browser, role="operator")
    assert (await client.put("/api/v1/users/eva/role", json={"role": "viewer"})).json()["role"] == "viewer"
    assert (await browser.post("/api/v1/classifications", content=RED)).status_code == 403

    assert (await client.delete("/api/v1/users/eva")).status_code == 204

    assert (await browser.get("/api/v1/session")).status_code == 401
    assert (await client.delete("/api/v1/users/eva")).status_code == 404


async def test_password_is_stored_as_argon2_and_shown_nowhere(
    client: httpx.AsyncClient, browser: httpx.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await sign_up(client, browser)
    await browser.post("/api/v1/session", json={"name": "eva", "password": "wrong but long"})

    dump = "\n".join(sqlite3.connect(tmp_path / "gateway.sqlite3").iterdump())
    listed = (await client.get("/api/v1/users")).text

    assert "$argon2id$" in dump
    for told in (dump, listed, caplog.text):
        assert PASSWORD not in told
        assert "wrong but long" not in told
    assert "argon2" not in listed


@pytest.mark.parametrize("password", ["short", "x" * 257, ""])
async def test_weak_password_is_refused(client: httpx.AsyncClient, browser: httpx.AsyncClient, password: str) -> None:
    await sign_up(client, browser)

    assert (await browser.put("/api/v1/session/password", json={"password": password})).status_code == 422


async def test_guessing_is_slowed_down_and_audited(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await sign_up(client, browser)
    wrong = {"name": "eva", "password": "guess guess guess"}

    answers = [await browser.post("/api/v1/session", json=wrong) for _ in range(6)]
    right = await browser.post("/api/v1/session", json={"name": "eva", "password": PASSWORD})

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert right.status_code == 429
    records = (await client.get("/api/v1/audit", params={"limit": 100})).json()["items"]
    failures = [record for record in records if record["action"] == "sign-in.failed"]
    assert len(failures) == 5
    assert "eva" not in str(failures)


def test_wrong_and_missing_passwords_are_wrong() -> None:
    stored = hash_of(PASSWORD)

    assert is_right(PASSWORD, stored)
    assert not is_right(PASSWORD + " ", stored)
    assert not is_right(PASSWORD, None)
    assert not is_right(PASSWORD, "nonsense")
    assert not is_right("", None)


def test_rate_is_each_callers_own() -> None:
    rates = RequestRates(2, clock=lambda: 0.0)
    for name in ("eva", "Eva", "eva ", "legacy-192.0.2.1", "2001:db8::/64"):
        rates.count(name)
        rates.count(name)
        with pytest.raises(TooMany, match=name):
            rates.count(name)


@given(st.lists(st.floats(0, 30), max_size=300), st.integers(1, 50))
@example([0.0] * 3 + [10.0] * 12, 3)
def test_no_minute_holds_more_than_twice_the_rate(pauses_s: list[float], per_minute: int) -> None:
    """A minute's worth may come at once, and another one while time lets go of it."""
    now_s = 1000.0
    rates = RequestRates(per_minute, clock=lambda: now_s)
    let_in: list[float] = []
    for pause_s in pauses_s:
        now_s += pause_s
        try:
            rates.count("caller")
        except TooMany as exc:
            wait_s = int(exc.headers["Retry-After"])
            assert 1 <= wait_s <= 60
        else:
            let_in.append(now_s)
    for begin_s in let_in:
        assert sum(1 for at_s in let_in if begin_s <= at_s < begin_s + 60) <= 2 * per_minute


def test_caller_who_waits_as_asked_is_let_in() -> None:
    now_s = 0.0
    rates = RequestRates(10, clock=lambda: now_s)
    for _ in range(10):
        rates.count("caller")
    with pytest.raises(TooMany) as refusal:
        rates.count("caller")

    now_s += int(refusal.value.headers["Retry-After"])

    rates.count("caller")


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: GatewaySettings) -> GatewaySettings:
    return settings.model_copy(update=getattr(request, "param", {}))


@pytest.mark.parametrize("settings", [{"requests_per_minute": 5}], indirect=True)
async def test_caller_who_asks_too_often_learns_when_to_retry(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/api/v1/alarms") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].json()["type"].endswith("too-many-requests")


async def test_other_site_can_not_sign_anyone_in_or_change_a_password(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await sign_up(client, browser)
    foreign = {"Sec-Fetch-Site": "cross-site"}

    answers = [
        await browser.post("/api/v1/session", json={"key": KEY}, headers=foreign),
        await browser.put("/api/v1/session/password", json={"password": PASSWORD}, headers=foreign),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]


@pytest.mark.parametrize("name", ["%00", "eva%00", "e" * 65])
async def test_name_that_no_one_can_have_is_reported_as_such(client: httpx.AsyncClient, name: str) -> None:
    await client.post("/api/v1/keys", json={"name": "e" * 64, "role": "viewer"})

    answers = [
        await client.delete(f"/api/v1/keys/{name}"),
        await client.delete(f"/api/v1/users/{name}"),
        await client.put(f"/api/v1/users/{name}/role", json={"role": "viewer"}),
        await client.post(f"/api/v1/users/{name}/sign-in-link"),
    ]

    assert {answer.status_code for answer in answers} == {422}
    assert "e" * 64 in [key["name"] for key in (await client.get("/api/v1/keys")).json()["items"]]


@pytest.mark.parametrize("settings", [{"requests_per_minute": 3}], indirect=True)
async def test_signing_in_again_and_again_counts_as_requests(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    answers = [await browser.post("/api/v1/session", json={"key": KEY}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 429]
