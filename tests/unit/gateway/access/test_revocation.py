"""What was revoked or removed stays so, over restarts and under the same name."""

import logging
from datetime import timedelta

import httpx
import pytest

from idc_contracts import utc_now
from idc_gateway.access import sessions_store as sql_sessions
from idc_gateway.access.accounts import ApiKey, Proof, SignInBy
from idc_gateway.access.digests import secret_digest
from idc_gateway.access.key_files import read_key
from idc_gateway.access.keys import Keyring
from idc_gateway.access.scopes import Role
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.access.users import Users
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import LastAdministrator, Unauthenticated
from idc_gateway.settings import GatewaySettings
from idc_gateway.store import Store
from support.gateway_accounts import KEY, PASSWORD, Clock, opens

OTHER_KEY = "idc_" + "n" * 60


def restarted(store: Store, settings: GatewaySettings) -> Keyring:
    keyring = Keyring(store.accounts)
    keyring.set_first_key(read_key(settings.first_api_key_file))
    return keyring


async def test_revoked_first_key_stays_revoked_after_a_restart_and_the_log_says_so(
    client: httpx.AsyncClient, store: Store, settings: GatewaySettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client.delete("/api/v1/keys/first")).status_code == 204

    with caplog.at_level(logging.WARNING):
        keyrings = [restarted(store, settings) for _ in range(2)]

    assert [await opens(keyring, KEY) for keyring in keyrings] == [False, False]
    assert store.accounts.keys() == []
    assert "was revoked" in caplog.text
    assert KEY not in caplog.text


async def test_new_key_in_the_file_is_taken_in_after_a_revocation(
    client: httpx.AsyncClient, store: Store, settings: GatewaySettings
) -> None:
    await client.delete("/api/v1/keys/first")
    settings.first_api_key_file.write_text(OTHER_KEY)

    keyring = restarted(store, settings)

    assert await opens(keyring, OTHER_KEY)
    assert not await opens(keyring, KEY)


async def test_file_that_was_exchanged_does_not_bring_the_old_key_back(store: Store, settings: GatewaySettings) -> None:
    restarted(store, settings)
    settings.first_api_key_file.write_text(OTHER_KEY)
    restarted(store, settings)
    settings.first_api_key_file.write_text(KEY)

    keyring = restarted(store, settings)

    assert not await opens(keyring, KEY)
    assert await opens(keyring, OTHER_KEY), "the key that replaced it is not lost"
    actions = [record.event.action for record in reversed(store.audit.page(10))]
    assert actions == ["key.created", "key.revoked", "key.created"]


async def test_key_in_the_file_that_has_another_name_is_left_as_it_is(store: Store, settings: GatewaySettings) -> None:
    keyring = Keyring(store.accounts)
    key, secret = await keyring.create("lab", Role.VIEWER.scopes, None, "eva", "r")
    settings.first_api_key_file.write_text(secret)

    assert (await restarted(store, settings).by_key(secret)).scopes == key.scopes


async def test_key_of_the_same_name_inherits_no_session(keyring: Keyring, sessions: BrowserSessions) -> None:
    _, old = await keyring.create("lab", Role.VIEWER.scopes, None, "eva", "r")
    proof = Proof("lab", SignInBy.KEY, secret_digest(old))
    token = await sessions.open(proof, "r")
    await keyring.revoke("lab", "eva", "r")

    await keyring.create("lab", Role.ADMIN.scopes, None, "eva", "r")

    with pytest.raises(Unauthenticated):
        await sessions.by_token(token)
    with pytest.raises(Unauthenticated):
        await sessions.open(proof, "r")


async def test_user_of_the_same_name_inherits_neither_session_nor_link_nor_password(
    users: Users, sessions: BrowserSessions
) -> None:
    await users.create("eva", Role.VIEWER, "first", "r")
    eva = await users.set_password("eva", PASSWORD, "r")
    token = await sessions.open(Proof("eva", SignInBy.PASSWORD, eva.password_hash), "r")
    link = await users.new_link("eva", "first", "r")
    await users.remove("eva", "first", "r")

    await users.create("eva", Role.ADMIN, "first", "r")

    with pytest.raises(Unauthenticated):
        await sessions.by_token(token)
    with pytest.raises(Unauthenticated):
        await users.by_link(link, "r")
    with pytest.raises(Unauthenticated):
        await users.by_password("eva", PASSWORD)


async def test_link_that_let_a_user_in_opens_nothing_for_the_next_user_of_the_name(
    users: Users, sessions: BrowserSessions, clock: Clock
) -> None:
    _, link = await users.create("eva", Role.VIEWER, "first", "r")
    eva = await users.by_link(link, "r")
    await users.remove("eva", "first", "r")
    clock.now += timedelta(seconds=1)

    await users.create("eva", Role.ADMIN, "first", "r")

    with pytest.raises(Unauthenticated):
        await sessions.open(Proof("eva", SignInBy.LINK, eva.password_hash, eva.created_at), "r")


async def test_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(
    keyring: Keyring, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await keyring.create("lab", Role.VIEWER.scopes, None, "eva", "r")
    look_up = store.accounts.key

    def look_up_before_the_revocation(sha256: str) -> ApiKey | None:
        found = look_up(sha256)
        store.accounts.delete_key("lab", AuditEvent("key.revoked", "eva", "lab", utc_now()))
        keyring.forget()
        return found

    monkeypatch.setattr(store.accounts, "key", look_up_before_the_revocation)
    await keyring.by_key(secret)
    monkeypatch.setattr(store.accounts, "key", look_up)

    assert not await opens(keyring, secret)


def test_removed_administrator_does_not_come_back_with_a_restart(users: Users, store: Store) -> None:
    assert users.first_link() is not None
    store.accounts.delete_user("admin", AuditEvent("user.removed", "first", "admin", utc_now()))

    assert Users(store.accounts).first_link() is None
    assert store.accounts.users() == []


@pytest.mark.parametrize("act", ["remove", "demote"])
async def test_last_administrator_can_neither_be_removed_nor_given_less(users: Users, store: Store, act: str) -> None:
    for name, role in (("eva", Role.ADMIN), ("ben", Role.ADMIN), ("ann", Role.VIEWER)):
        await users.create(name, role, "first", "r")
    await users.set_password("eva", PASSWORD, "r")

    async def end(name: str) -> None:
        await (users.remove(name, "eva", "r") if act == "remove" else users.set_role(name, Role.VIEWER, "eva", "r"))

    await end("ann")
    with pytest.raises(LastAdministrator, match="create another one first"):
        await end("eva")
    await users.set_password("ben", PASSWORD, "r")
    await end("eva")

    assert {user.name for user in store.accounts.users() if user.role is Role.ADMIN} == {"ben"}


async def test_administrator_may_go_while_an_administrators_key_is_left(keyring: Keyring, users: Users) -> None:
    await users.create("eva", Role.ADMIN, "first", "r")
    await users.set_password("eva", PASSWORD, "r")

    await users.remove("eva", "first", "r")

    assert await users.all() == []


@pytest.mark.parametrize("name", ["gateway", "Gateway", "folder", "first", "First", "legacy-192.0.2.1", "LEGACY-x"])
async def test_name_that_the_audit_chain_uses_itself_is_given_to_no_one(client: httpx.AsyncClient, name: str) -> None:
    key = await client.post("/api/v1/keys", json={"name": name, "role": "viewer"})
    user = await client.post("/api/v1/users", json={"name": name, "role": "viewer"})

    assert (key.status_code, user.status_code) == (409, 409)


async def test_names_that_differ_in_case_alone_are_one(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/users", json={"name": "eva", "role": "viewer"})

    user = await client.post("/api/v1/users", json={"name": "Eva", "role": "viewer"})
    key = await client.post("/api/v1/keys", json={"name": "EVA", "role": "viewer"})

    assert (user.status_code, key.status_code) == (409, 409)


async def test_program_that_signs_in_again_and_again_ends_its_own_oldest_sessions(
    keyring: Keyring, sessions: BrowserSessions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_sessions, "MAX_FOR_EACH_OWNER", 3)
    proof = Proof("first", SignInBy.KEY, secret_digest(KEY))
    tokens = []
    for _ in range(5):
        tokens.append(await sessions.open(proof, "r"))
        clock.now += timedelta(seconds=1)

    with pytest.raises(Unauthenticated):
        await sessions.by_token(tokens[1])
    assert [(await sessions.by_token(token)).name for token in tokens[2:]] == ["first"] * 3
