"""TLS of a real Mosquitto with the project's configuration: versions, clients' certificates, renewal in mid-session."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from idc_contracts import CLASSIFICATIONS
from support.eventually import wait_until
from support.mosquitto import REPOSITORY, MosquittoBroker
from support.session_client import SessionClient, is_let_in

pytestmark = pytest.mark.integration
PLACE = CLASSIFICATIONS.at(site="certificates", device="gateway")


@pytest.fixture
def strict_broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    """A broker that asks for certificates."""
    broker = MosquittoBroker(tmp_path, extra_configurations=(REPOSITORY / "broker/mutual-tls.conf",))
    broker.start()
    yield broker
    broker.stop()


def _certificate_serial(broker: MosquittoBroker) -> str:
    """The serial number of the certificate that a new connection is shown."""
    with broker.secured() as secured:
        shown = secured.getpeercert()
    assert shown is not None
    return str(shown["serialNumber"])


def _handshake(broker: MosquittoBroker, *options: str) -> str:
    """What OpenSSL's client says about a handshake."""
    command = ["openssl", "s_client", "-connect", f"localhost:{broker.port}", "-CAfile", str(broker.ca_file), *options]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_versions_are_refused_by_the_broker(shared_broker: MosquittoBroker, version: str) -> None:
    said = _handshake(shared_broker, version, "-cipher", "ALL:@SECLEVEL=0")

    assert "alert protocol version" in said, said


@pytest.mark.parametrize(("version", "name"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_tls_1_2_and_later_are_spoken(shared_broker: MosquittoBroker, version: str, name: str) -> None:
    said = _handshake(shared_broker, version)

    assert "Verify return code: 0 (ok)" in said
    assert f"New, {name}, Cipher is" in said


def test_tls_1_2_without_forward_secrecy_is_refused(shared_broker: MosquittoBroker) -> None:
    assert "handshake failure" in _handshake(
        shared_broker, "-tls1_2", "-cipher", "AES128-SHA256:ECDHE-ECDSA-AES128-SHA"
    )


def test_rotated_certificate_is_shown_to_new_connections_while_old_sessions_and_queues_go_on(
    broker: MosquittoBroker,
) -> None:
    SessionClient(broker.settings("alarm"), "absent", CLASSIFICATIONS.filter()).leave()
    listener = SessionClient(broker.settings("alarm"), "listener", CLASSIFICATIONS.filter())
    sender = SessionClient(broker.settings("gateway"), "sender")
    serial = _certificate_serial(broker)
    sender.deliver(PLACE, b"before")

    broker.rotate_certificates()
    wait_until(lambda: _certificate_serial(broker) != serial, "the new certificate is shown")
    sender.deliver(PLACE, b"after")
    newcomer = SessionClient(broker.settings("gateway"), "newcomer")
    newcomer.deliver(PLACE, b"newcomer")
    back = SessionClient(broker.settings("alarm"), "absent", CLASSIFICATIONS.filter())

    sent = [b"before", b"after", b"newcomer"]
    wait_until(lambda: listener.payloads == sent, "every message arrived once")
    wait_until(lambda: back.payloads == sent, "what waited is delivered")
    assert (listener.connections, sender.connections, back.had_a_session) == (1, 1, True)
    for client in (listener, sender, newcomer, back):
        client.leave()


def test_certificate_and_password_together_come_in_where_both_are_asked_for(strict_broker: MosquittoBroker) -> None:
    assert is_let_in(strict_broker.settings("alarm"))
    assert is_let_in(strict_broker.settings("monitor"))


def test_client_without_a_certificate_is_refused_where_one_is_asked_for(strict_broker: MosquittoBroker) -> None:
    bare = {"certificate_file": None, "key_file": None}

    assert not is_let_in(strict_broker.settings("alarm").model_copy(update=bare))


def test_client_without_a_certificate_comes_in_where_none_is_asked_for(shared_broker: MosquittoBroker) -> None:
    bare = {"certificate_file": None, "key_file": None}

    assert is_let_in(shared_broker.settings("alarm").model_copy(update=bare))


def test_certificate_of_another_authority_is_refused(strict_broker: MosquittoBroker, tmp_path: Path) -> None:
    subprocess.run([REPOSITORY / "broker/bootstrap.sh", tmp_path / "other"], check=True, capture_output=True)
    home = tmp_path / "other/alarm"
    foreign = {"certificate_file": home / "client.crt", "key_file": home / "client.key"}

    assert not is_let_in(strict_broker.settings("alarm").model_copy(update=foreign))


def test_certificate_without_the_password_is_refused(strict_broker: MosquittoBroker, tmp_path: Path) -> None:
    (tmp_path / "guess").write_text("guess")

    assert not is_let_in(strict_broker.settings("alarm").model_copy(update={"password_file": tmp_path / "guess"}))


def test_brokers_own_certificate_is_not_a_client_certificate(strict_broker: MosquittoBroker) -> None:
    home = strict_broker.folder / "secrets/broker"
    stolen = {"certificate_file": home / "server.crt", "key_file": home / "server.key"}

    assert not is_let_in(strict_broker.settings("alarm").model_copy(update=stolen))
