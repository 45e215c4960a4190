"""Fixtures that several layers of the tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.bridged_brokers import BridgedBrokers, bridged_brokers
from support.mosquitto import MosquittoBroker
from support.postgres import PostgresServer
from support.tiny_bundle import write_tiny_bundle

# A busy machine is no failure: no example has a deadline.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoBroker]:
    """One running Mosquitto for all tests that do not stop it; use a site of your own."""
    broker = MosquittoBroker(tmp_path_factory.mktemp("shared-broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    """A running Mosquitto of this test alone, which it may stop, kill and start."""
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = MosquittoBroker(folder)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def bridged(tmp_path: Path) -> Iterator[BridgedBrokers]:
    """An edge's and its site's running brokers, with a line between them that can be cut."""
    with bridged_brokers(tmp_path) as brokers:
        yield brokers


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One running PostgreSQL for all tests; each makes a database of its own."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def tiny_models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with version 1 of a made-up model: the redder a patch, the higher P(IDC)."""
    root = tmp_path_factory.mktemp("models")
    write_tiny_bundle(root)
    return root


@pytest.fixture(scope="session")
def idc_data() -> Path:
    """The folder with the real patches, from IDC_DATA; the test is skipped where that is not set."""
    folder = os.environ.get("IDC_DATA")
    if not folder:
        pytest.skip("IDC_DATA is not set: real patches are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def idc_slides() -> Path:
    """The folder with slides of other projects, from IDC_SLIDES; the test is skipped where that is not set."""
    folder = os.environ.get("IDC_SLIDES")
    if not folder:
        pytest.skip("IDC_SLIDES is not set: the test slides are not here")
    return Path(folder)
