"""Fixtures of the integration tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from idc_gateway.store import Store, open_store
from support.postgres import PostgresServer


@pytest.fixture
def site() -> str:
    """A site of this test alone at the shared broker."""
    return f"site-{uuid4().hex[:12]}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, by either engine that the gateway takes."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def shared(postgres: PostgresServer) -> Iterator[Callable[[], Store]]:
    """Opens stores on one PostgreSQL database."""
    url, opened = postgres.new_database(), []

    def open_one() -> Store:
        opened.append(open_store(url))
        return opened[-1]

    yield open_one
    for store in opened:
        store.leadership.release()
        store.database.close()
