"""Sessions end in time, and leave nothing behind."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from idc_gateway.access.accounts import Proof, SignInBy
from idc_gateway.access.digests import secret_digest
from idc_gateway.access.key_files import read_key
from idc_gateway.access.keys import REMEMBERED_FOR, Keyring
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.errors import Unauthenticated
from idc_gateway.settings import GatewaySettings
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import sessions
from idc_gateway.store import Store

KEY = "idc_" + "k" * 60


class Clock:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(store: Store, settings: GatewaySettings, clock: Clock) -> Keyring:
    keyring = Keyring(store.accounts, clock=clock)
    keyring.set_first_key(read_key(settings.first_api_key_file))
    return keyring


@pytest.fixture
def opened(store: Store, keyring: Keyring, clock: Clock) -> BrowserSessions:
    return BrowserSessions(store.sessions, lifetime=timedelta(hours=1), idle=timedelta(hours=1), clock=clock)


FIRST = Proof("first", SignInBy.KEY, secret_digest(KEY))


async def test_session_is_over_after_its_lifetime(opened: BrowserSessions, clock: Clock) -> None:
    token = await opened.open(FIRST, "r")
    clock.now += timedelta(minutes=59)
    assert (await opened.by_token(token)).name == "first"

    clock.now += timedelta(minutes=1)

    with pytest.raises(Unauthenticated, match="ended"):
        await opened.by_token(token)


async def test_sessions_that_are_over_are_forgotten(opened: BrowserSessions, clock: Clock, store: Store) -> None:
    for _ in range(3):
        await opened.open(FIRST, "r")
    clock.now += timedelta(hours=2)

    await opened.open(FIRST, "r")

    assert isinstance(store.database, Database)
    with store.database.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == 1


async def test_exchanged_first_key_replaces_the_old_one_and_ends_its_sessions(
    keyring: Keyring, opened: BrowserSessions, settings: GatewaySettings, clock: Clock
) -> None:
    token = await opened.open(FIRST, "r")
    settings.first_api_key_file.write_text("n" * 64)

    keyring.set_first_key(read_key(settings.first_api_key_file))
    clock.now += REMEMBERED_FOR

    assert (await keyring.by_key("n" * 64)).name == "first"
    with pytest.raises(Unauthenticated):
        await keyring.by_key(KEY)
    with pytest.raises(Unauthenticated):
        await opened.by_token(token)


async def test_same_first_key_keeps_its_sessions_over_a_restart(
    keyring: Keyring, opened: BrowserSessions, settings: GatewaySettings
) -> None:
    token = await opened.open(FIRST, "r")

    keyring.set_first_key(read_key(settings.first_api_key_file))

    assert (await opened.by_token(token)).name == "first"
