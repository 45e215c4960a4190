"""Which passwords are taken, and what changing one needs."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from idc_contracts import utc_now
from idc_gateway.access.accounts import Proof, SignInBy
from idc_gateway.access.passwords import check_strength, is_outdated
from idc_gateway.access.scopes import Role
from idc_gateway.access.sessions import PASSWORD_WITHOUT_OLD, BrowserSessions
from idc_gateway.access.throttle import FAILURES_OF_PAIR
from idc_gateway.access.users import Users
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import Unauthenticated, WeakPassword
from idc_gateway.store import Store
from support.gateway_accounts import PASSWORD, SESSION, Clock, link_of

NEW = "another staple of horses"


async def let_in(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    link = await link_of(client, "eva.mueller")
    assert (await browser.post(SESSION, json={"link": link})).status_code == 204


async def set_password(browser: httpx.AsyncClient, new: str, old: str | None = None) -> httpx.Response:
    return await browser.put(f"{SESSION}/password", json={"password": new, "old_password": old})


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "aaaaaaaaaaaa",
        "a" * 256,
        "password1234",
        "Password1234!",
        "qwertyuiop12",
        "abcabcabcabc",
        "eva.mueller1",
        "eva.mueller2026",
        "EVA.MUELLEReva.mueller",
        "idc-sentinel",
        "idc-sentinel-2026",
        "IDC-Sentinel!1",
        "sitesitesite",
        "adminadminadmin",
        "letmeinletmein",
    ],
)
def test_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword, match="several words"):
        check_strength(password, ["eva.mueller", "site", "gateway"])


@pytest.mark.parametrize("password", [PASSWORD, NEW, "Krankenwagen-Mango-17", "v7#Lq!t2Zp9x", "x7" + "ü6Qw9z" * 40])
def test_password_that_no_one_guesses_is_taken(password: str) -> None:
    check_strength(password, ["eva.mueller", "site", "gateway"])


def test_user_with_a_short_name_can_use_its_letters() -> None:
    check_strength(PASSWORD, ["e", "or"])


async def test_refused_password_is_reported_with_a_remedy_and_changes_nothing(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await let_in(client, browser)

    answer = await set_password(browser, "123456789012")

    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":weak-password")
    assert (await browser.get(SESSION)).status_code == 200
    assert (await set_password(browser, PASSWORD)).status_code == 204


async def test_change_needs_the_old_password(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await let_in(client, browser)
    assert (await browser.get(SESSION)).json()["needs_old_password"] is False
    await set_password(browser, PASSWORD)
    assert (await browser.get(SESSION)).json()["needs_old_password"] is True

    answers = [await set_password(browser, NEW), await set_password(browser, NEW, "something else wrong")]
    right = await set_password(browser, NEW, PASSWORD)

    assert [answer.status_code for answer in answers] == [403, 403]
    assert {answer.json()["type"].rpartition(":")[2] for answer in answers} == {"wrong-password"}
    assert right.status_code == 204
    assert (await browser.post(SESSION, json={"name": "eva.mueller", "password": PASSWORD})).status_code == 401
    assert (await browser.post(SESSION, json={"name": "eva.mueller", "password": NEW})).status_code == 204


async def test_old_password_cannot_be_guessed_at_a_pc_that_was_left(
    client: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await let_in(client, browser)
    await set_password(browser, PASSWORD)

    guesses = await asyncio.gather(*(set_password(browser, NEW, f"guess number {n}") for n in range(20)))

    assert sum(answer.status_code == 403 for answer in guesses) == FAILURES_OF_PAIR
    assert sum(answer.status_code == 429 for answer in guesses) == 20 - FAILURES_OF_PAIR
    assert (await set_password(browser, NEW, PASSWORD)).status_code == 429
    failures = [r for r in (await client.get("/api/v1/audit")).json()["items"] if r["action"] == "sign-in.failed"]
    assert {record["details"]["by"] for record in failures} == {"old password"}


async def test_link_replaces_the_old_password_for_a_quarter_of_an_hour(
    users: Users, sessions: BrowserSessions, clock: Clock
) -> None:
    user, _ = await users.create("eva", Role.VIEWER, "first", "r")
    token = await sessions.open(Proof("eva", SignInBy.LINK, user.password_hash), "r")
    fresh = await sessions.by_token(token)

    clock.now += PASSWORD_WITHOUT_OLD

    assert not fresh.needs_old_password
    assert (await sessions.by_token(token)).needs_old_password


async def test_password_that_is_set_ends_the_users_links(users: Users) -> None:
    _, link = await users.create("eva", Role.VIEWER, "first", "r")

    await users.set_password("eva", PASSWORD, "r")

    with pytest.raises(Unauthenticated):
        await users.by_link(link, "r")


async def test_hash_is_renewed_at_sign_in_when_its_cost_has_risen(users: Users, store: Store) -> None:
    await users.create("eva", Role.VIEWER, "first", "r")
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    store.accounts.set_password("eva", cheap, AuditEvent("user.password-set", "eva", "eva", utc_now()))

    signed_in = await asyncio.gather(*(users.by_password("eva", PASSWORD) for _ in range(3)))

    stored = store.accounts.user("eva")
    assert stored is not None
    assert stored.password_hash is not None
    assert not is_outdated(stored.password_hash)
    assert {user.password_hash for user in signed_in} == {stored.password_hash}
    with pytest.raises(Unauthenticated):
        await users.by_password("eva", "wrong but long")


async def test_password_that_changes_while_it_is_checked_opens_nothing(users: Users, sessions: BrowserSessions) -> None:
    await users.create("eva", Role.VIEWER, "first", "r")
    await users.set_password("eva", PASSWORD, "r")
    checked = await users.by_password("eva", PASSWORD)

    await users.set_password("eva", NEW, "r")

    with pytest.raises(Unauthenticated):
        await sessions.open(Proof("eva", SignInBy.PASSWORD, checked.password_hash), "r")


async def test_session_ends_idle_while_its_page_goes_on_polling(
    app: FastAPI, client: httpx.AsyncClient, browser: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    idle = BrowserSessions(store.sessions, lifetime=timedelta(hours=12), idle=timedelta(minutes=30), clock=clock)
    app.state.gateway.access.sessions = idle
    await let_in(client, browser)
    clock.now += timedelta(minutes=20)
    assert (await browser.get("/api/v1/classifications")).status_code == 200

    clock.now += timedelta(minutes=20)
    polled = [await browser.get(f"/api/v1/{path}") for path in ("alarms", "status", "models", "session")]
    clock.now += timedelta(minutes=20)
    late = await browser.get("/api/v1/alarms")

    assert [answer.status_code for answer in polled] == [200] * 4
    assert late.status_code == 401


async def test_session_that_ends_while_its_new_password_is_hashed_sets_none_for_the_next_user_of_the_name(
    users: Users, sessions: BrowserSessions
) -> None:
    await users.create("eva", Role.VIEWER, "first", "r")
    token = await sessions.open(Proof("eva", SignInBy.LINK, None), "r")
    caller = await sessions.by_token(token)
    await users.remove("eva", "first", "r")
    await users.create("eva", Role.ADMIN, "first", "r")

    with pytest.raises(Unauthenticated):
        await users.set_password("eva", PASSWORD, "r", session_sha256=caller.sha256)

    with pytest.raises(Unauthenticated):
        await users.by_password("eva", PASSWORD)


async def test_of_two_changes_at_once_one_counts(client: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await let_in(client, browser)
    await set_password(browser, PASSWORD)

    answers = await asyncio.gather(
        set_password(browser, NEW, PASSWORD), set_password(browser, f"{NEW} again", PASSWORD)
    )

    assert sorted(answer.status_code for answer in answers) in ([204, 401], [204, 403])
