"""A gateway around fakes and a real SQLite file."""

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.access.key_files import read_key
from idc_gateway.access.keys import Keyring
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.access.users import Users
from idc_gateway.app import create_app
from idc_gateway.composition import build
from idc_gateway.settings import GatewaySettings
from idc_gateway.store import Store, open_store
from idc_servicekit.mqtt import MqttSettings
from support.gateway_accounts import KEY, OWN, Clock, client_of
from support.gateway_fakes import MemoryBus, MemoryImages, RednessInference


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    key_file = tmp_path / "api-key"
    key_file.write_text(KEY + "\n")
    return GatewaySettings(
        data_dir=tmp_path,
        first_api_key_file=key_file,
        max_body_bytes=200_000,
        max_total_body_bytes=300_000,
        max_image_bytes=50_000,
        max_images=20,
        body_timeout_s=60,
        mqtt=MqttSettings(username="gateway", password_file=key_file, ca_file=key_file),
    )


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no row, made once: the migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("empty-database") / "gateway.sqlite3"
    open_store(f"sqlite:///{path}").database.close()
    return path


@pytest.fixture
def store(empty_database: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(empty_database, tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'gateway.sqlite3'}")
    yield store
    store.database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(store: Store, settings: GatewaySettings, clock: Clock) -> Keyring:
    """All keys; the first key is set."""
    keyring = Keyring(store.accounts, clock=clock)
    keyring.set_first_key(read_key(settings.first_api_key_file))
    return keyring


@pytest.fixture
def users(store: Store, clock: Clock) -> Users:
    return Users(store.accounts, clock=clock)


@pytest.fixture
def sessions(store: Store, clock: Clock) -> BrowserSessions:
    hour = timedelta(hours=1)
    return BrowserSessions(store.sessions, lifetime=hour, idle=hour, clock=clock)


@pytest.fixture
def inference() -> RednessInference:
    return RednessInference()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def images() -> MemoryImages:
    return MemoryImages()


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """The application's routes, made once: they take longer than most tests."""
    return create_app(None)


@pytest.fixture
async def app(
    routes: FastAPI,
    settings: GatewaySettings,
    store: Store,
    images: MemoryImages,
    inference: RednessInference,
    bus: MemoryBus,
) -> AsyncIterator[FastAPI]:
    app = routes
    app.state.gateway = build(settings, store=store, images=images, servers={"http://inference": inference}, bus=bus)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the first key."""
    async with client_of(app, {"Authorization": f"Bearer {KEY}"}) as client:
        yield client


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies and comes from the gateway's own page."""
    async with client_of(app, OWN) as client:
        yield client
