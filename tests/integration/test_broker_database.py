"""The broker's database through a full disk: broker/database.sh beside a real Mosquitto."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idc_contracts import CLASSIFICATIONS
from support.broker_scripts import run
from support.eventually import wait_until
from support.mosquitto import REPOSITORY, MosquittoBroker
from support.session_client import SessionClient

pytestmark = pytest.mark.integration
SCRIPT = REPOSITORY / "broker/database.sh"
PLACE = CLASSIFICATIONS.at(site="disk", device="gateway")


def _mend(folder: Path) -> str:
    done = run("database.sh", "mend", folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _kept(broker: MosquittoBroker) -> Iterator[None]:
    """The script beside a running broker, looking every second."""
    process = subprocess.Popen([SCRIPT, "keep", broker.data, str(broker.pid), "1"])
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=10)


def _leave_a_message_for_an_absent_reader(broker: MosquittoBroker) -> None:
    SessionClient(broker.settings("alarm"), "absent", PLACE).leave()
    sender = SessionClient(broker.settings("gateway"), "sender")
    sender.deliver(PLACE, b"kept")
    sender.leave()


def _fetch(broker: MosquittoBroker) -> list[bytes]:
    reader = SessionClient(broker.settings("alarm"), "absent", PLACE)
    if reader.had_a_session:
        wait_until(lambda: bool(reader.payloads), "what waited is delivered")
    reader.leave()
    return reader.payloads


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The copy that the script kept of a broker's database, with a message for an absent reader in it."""
    broker = MosquittoBroker(tmp_path_factory.mktemp("good"))
    broker.start()
    _leave_a_message_for_an_absent_reader(broker)
    with _kept(broker):
        wait_until(lambda: broker.copy.exists() and b"kept" in broker.copy.read_bytes(), "there is a copy")
    broker.kill()
    return broker.copy.read_bytes()


def _write(folder: Path, *, database: bytes, copy: bytes) -> None:
    (folder / "mosquitto.db").write_bytes(database)
    (folder / "mosquitto.db.good").write_bytes(copy)


@pytest.mark.parametrize("size", [0, 60, 300], ids=["empty", "header", "cut-off"])
def test_damaged_database_is_replaced_by_its_copy(tmp_path: Path, good: bytes, size: int) -> None:
    _write(tmp_path, database=good[:size], copy=good)

    said = _mend(tmp_path)

    assert "last good copy" in said
    assert (tmp_path / "mosquitto.db").read_bytes() == good
    assert (tmp_path / "mosquitto.db.damaged").read_bytes() == good[:size]


def test_broker_goes_on_from_the_copy(broker: MosquittoBroker, good: bytes) -> None:
    broker.stop()
    _write(broker.data, database=b"", copy=good)

    _mend(broker.data)
    broker.start()

    assert _fetch(broker) == [b"kept"]


def test_good_database_is_left_alone(tmp_path: Path, good: bytes) -> None:
    _write(tmp_path, database=good, copy=b"older")

    assert _mend(tmp_path) == ""
    assert (tmp_path / "mosquitto.db").read_bytes() == good


def test_without_a_readable_database_the_broker_starts_empty_and_says_so(tmp_path: Path) -> None:
    _write(tmp_path, database=b"no database", copy=b"none either")

    said = _mend(tmp_path)

    assert "without sessions" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mosquitto.db.damaged"]


def test_first_start_needs_no_mending(tmp_path: Path) -> None:
    assert _mend(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
