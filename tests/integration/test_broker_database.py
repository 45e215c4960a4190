"""The broker's database through a full disk: broker/database.sh beside a real Mosquitto."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idc_contracts import CLASSIFICATIONS
from support.compose_stack import wait_until
from support.mosquitto import REPOSITORY, MosquittoBroker
from support.session_client import SessionClient

pytestmark = pytest.mark.integration
SCRIPT = REPOSITORY / "broker/database.sh"
PLACE = CLASSIFICATIONS.at(site="disk", device="gateway")


def _mend(folder: Path) -> str:
    environment = os.environ | {"PATH": f"/usr/sbin:{os.environ['PATH']}"}
    done = subprocess.run(
        [SCRIPT, "mend", folder], env=environment, check=True, capture_output=True, text=True, timeout=20
    )
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
        wait_until(lambda: bool(reader.payloads), "what waited is delivered", 10)
    reader.leave()
    return reader.payloads


@pytest.fixture
def copied(broker: MosquittoBroker) -> MosquittoBroker:
    """A broker that was killed, with a good copy of its database."""
    _leave_a_message_for_an_absent_reader(broker)
    with _kept(broker):
        wait_until(lambda: _holds(broker.copy, b"kept"), "there is a copy", 20)
    broker.kill()
    return broker


def _holds(path: Path, content: bytes) -> bool:
    return path.exists() and content in path.read_bytes()


@pytest.mark.parametrize("size", [0, 60, 300], ids=["empty", "header", "cut-off"])
def test_damaged_database_is_replaced_by_its_copy(copied: MosquittoBroker, size: int) -> None:
    damaged = copied.database.read_bytes()[:size]
    copied.database.unlink()
    copied.database.write_bytes(damaged)

    said = _mend(copied.data)
    copied.start()

    assert "last good copy" in said
    assert _fetch(copied) == [b"kept"]


def test_good_database_is_left_alone(copied: MosquittoBroker) -> None:
    copied.copy.unlink()
    copied.copy.write_bytes(b"older")

    assert _mend(copied.data) == ""

    copied.start()
    assert _fetch(copied) == [b"kept"]


def test_broker_without_a_readable_database_starts_empty_and_says_so(copied: MosquittoBroker) -> None:
    for path in (copied.database, copied.copy):
        path.unlink()
        path.write_bytes(b"no database")

    said = _mend(copied.data)
    copied.start()

    assert "without sessions" in said
    assert (copied.data / "mosquitto.db.damaged").read_bytes() == b"no database"
    assert _fetch(copied) == []


def test_first_start_needs_no_mending(tmp_path: Path) -> None:
    assert _mend(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
