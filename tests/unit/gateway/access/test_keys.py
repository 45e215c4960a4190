"""Sessions end in time, and leave nothing behind."""

from datetime import timedelta

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
from idc_gateway.sql.tables import sessions as table
from idc_gateway.store import Store
from support.gateway_accounts import KEY, Clock

FIRST = Proof("first", SignInBy.KEY, secret_digest(KEY))


@pytest.mark.usefixtures("keyring")
async def test_session_is_over_after_its_lifetime(sessions: BrowserSessions, clock: Clock) -> None:
    token = await sessions.open(FIRST, "r")
    clock.now += timedelta(minutes=59)
    assert (await sessions.by_token(token)).name == "first"

    clock.now += timedelta(minutes=1)

    with pytest.raises(Unauthenticated, match="ended"):
        await sessions.by_token(token)


@pytest.mark.usefixtures("keyring")
async def test_sessions_that_are_over_are_forgotten(sessions: BrowserSessions, clock: Clock, store: Store) -> None:
    for _ in range(3):
        await sessions.open(FIRST, "r")
    clock.now += timedelta(hours=2)

    await sessions.open(FIRST, "r")

    assert isinstance(store.database, Database)
    with store.database.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1


async def test_exchanged_first_key_replaces_the_old_one_and_ends_its_sessions(
    keyring: Keyring, sessions: BrowserSessions, settings: GatewaySettings, clock: Clock
) -> None:
    token = await sessions.open(FIRST, "r")
    settings.first_api_key_file.write_text("n" * 64)

    keyring.set_first_key(read_key(settings.first_api_key_file))
    clock.now += REMEMBERED_FOR

    assert (await keyring.by_key("n" * 64)).name == "first"
    with pytest.raises(Unauthenticated):
        await keyring.by_key(KEY)
    with pytest.raises(Unauthenticated):
        await sessions.by_token(token)


async def test_same_first_key_keeps_its_sessions_over_a_restart(
    keyring: Keyring, sessions: BrowserSessions, settings: GatewaySettings
) -> None:
    token = await sessions.open(FIRST, "r")

    keyring.set_first_key(read_key(settings.first_api_key_file))

    assert (await sessions.by_token(token)).name == "first"
