"""broker/bootstrap.sh and a broker that serves what it made: every refusal names the value and what is right."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.broker_scripts import run
from support.certificates import self_signed
from support.eventually import wait_until
from support.mosquitto import REPOSITORY, MosquittoBroker
from support.tls_names import served_names as served_names_at

pytestmark = pytest.mark.integration
OWN_NAMES = ["broker", "localhost", "127.0.0.1"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets")


def openssl(*arguments: object) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def served_names(secrets: Path, service: str = "broker") -> list[str]:
    said = openssl("x509", "-noout", "-ext", "subjectAltName", "-in", secrets / service / "server.crt")
    return re.findall(r"(?:DNS|IP Address):(\S+?)(?:,|\s)", said)


def shown_names(broker: MosquittoBroker) -> set[str]:
    """The names in the certificate that a new connection is shown."""
    return served_names_at(broker.port, broker.ca_file.read_text())


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("pc.lan", ["pc.lan"]),
        ("pc.lan,", ["pc.lan"]),
        (" PC.lan , 192.0.2.7 ,,", ["pc.lan", "192.0.2.7"]),
        ("pc.lan,pc.lan,localhost", ["pc.lan"]),
        ("pc.lan.", ["pc.lan"]),
        ("lab_pc", ["lab_pc"]),
        ("2001:DB8::1,[2001:db8::2]", ["2001:DB8:0:0:0:0:0:1", "2001:DB8:0:0:0:0:0:2"]),
        (",,,", []),
    ],
)
def test_names_are_tidied_and_stand_in_the_certificate(secrets: Path, setting: str, names: list[str]) -> None:
    done = run("bootstrap.sh", secrets, IDC_BROKER_NAMES=setting)

    assert done.returncode == 0, done.stderr
    assert served_names(secrets) == OWN_NAMES + names


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [
        ("mqtts://pc.lan:8883/x", "is a URL: write only the host, pc.lan"),
        ("pc.lan:8883", "has a port: write only the host, pc.lan"),
        ("192.0.2.0/24", "write one host name or address, 192.0.2.0"),
        ("pc.lan pi.lan", "has two names: separate them with a comma"),
        ("192.0.2.300", "four numbers from 0 to 255"),
        ("2001:db8::zz", "looks like an IPv6 address but is not valid"),
        ("*.lan", "has a character that is not valid in a host name"),
        ("bücher.lan", "has a character that is not valid in a host name"),
        ("-pc", "is not a host name"),
        ("pc..lan", "is not a host name"),
        ("a" * 64, "is too long"),
    ],
)
def test_entry_that_is_not_a_name_is_reported_with_the_remedy(secrets: Path, entry: str, remedy: str) -> None:
    done = run("bootstrap.sh", secrets, IDC_INFERENCE_NAMES=f"good.lan,{entry}")

    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert line.startswith(f'bootstrap: IDC_INFERENCE_NAMES: "{entry}" ')
    assert remedy in line


def test_inference_of_another_machine_gets_a_certificate_and_the_gateways_key(tmp_path: Path) -> None:
    assert run("bootstrap.sh", tmp_path, IDC_INFERENCE_NAMES="up.lan").returncode == 0

    assert served_names(tmp_path, "inference") == ["up.lan"]
    keys = [(tmp_path / place / "inference-key").read_text() for place in ("gateway", "inference", "slides")]
    assert keys[0] == keys[1]
    assert len(keys[0].strip()) == 64
    assert (tmp_path / "inference/ca.crt").read_text() == (tmp_path / "gateway/ca.crt").read_text()


@pytest.mark.parametrize("path", ["ca/ca.crt", "broker/server.crt", "alarm/client.crt"])
def test_certificate_holds_from_yesterday_so_that_a_clock_that_is_behind_accepts_it(secrets: Path, path: str) -> None:
    run("bootstrap.sh", secrets)

    said = openssl("x509", "-noout", "-startdate", "-in", secrets / path)

    made = datetime.fromtimestamp((secrets / path).stat().st_mtime, tz=UTC)
    start = datetime.strptime(said.strip(), "notBefore=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert timedelta(hours=23) < made - start < timedelta(hours=25)


def test_certificate_of_another_authority_is_made_again(tmp_path: Path) -> None:
    run("bootstrap.sh", tmp_path / "ours")
    run("bootstrap.sh", tmp_path / "other")
    for path in ("alarm/client.crt", "alarm/client.key", "broker/server.crt", "broker/server.key"):
        (tmp_path / "other" / path).replace(tmp_path / "ours" / path)

    assert run("bootstrap.sh", tmp_path / "ours").returncode == 0

    for path in ("alarm/client.crt", "broker/server.crt"):
        assert "OK" in openssl("verify", "-CAfile", tmp_path / "ours/ca/ca.crt", tmp_path / "ours" / path)


def test_authority_that_has_ended_is_made_again_with_all_that_it_signed(tmp_path: Path) -> None:
    run("bootstrap.sh", tmp_path / "secrets")
    ended, _ = self_signed(tmp_path, "20200101000000Z", "20210101000000Z")
    ended.replace(tmp_path / "secrets/ca/ca.crt")

    done = run("bootstrap.sh", tmp_path / "secrets")

    assert done.returncode == 0, done.stderr
    for path in ("gateway/client.crt", "broker/server.crt"):
        assert "OK" in openssl("verify", "-CAfile", tmp_path / "secrets/alarm/ca.crt", tmp_path / "secrets" / path)


def test_what_cannot_be_written_is_reported_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = run("bootstrap.sh", tmp_path / "file")

    assert done.returncode == 73
    assert f"bootstrap: cannot make {tmp_path}/file/ca" in done.stderr


def test_any_failing_command_is_reported_with_its_line(tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "mosquitto_passwd").write_text("#!/bin/sh\nexit 1\n")
    (broken / "mosquitto_passwd").chmod(0o755)

    done = run("bootstrap.sh", tmp_path / "secrets", PATH=f"{broken}:{os.environ['PATH']}")

    assert done.returncode == 73
    assert re.fullmatch(r"bootstrap: line \d+ failed: mosquitto_passwd -U .*\n", done.stderr)


@pytest.fixture
def following(broker: MosquittoBroker) -> Iterator["subprocess.Popen[bytes]"]:
    """`follow.sh` beside a running broker, after its first look."""
    arguments = [str(broker.pid), str(broker.folder / "secrets/broker"), str(broker.folder / "again"), "0.1"]
    following = subprocess.Popen([REPOSITORY / "broker/follow.sh", *arguments])
    children = Path(f"/proc/{following.pid}/task/{following.pid}/children")

    def sleeps() -> bool:
        with suppress(FileNotFoundError):
            return "sleep\n" in [Path(f"/proc/{child}/comm").read_text() for child in children.read_text().split()]
        return False

    wait_until(sleeps, "the first look is over", 60)
    yield following
    following.kill()
    following.wait()


@pytest.mark.usefixtures("following")
def test_running_broker_serves_another_certificate_by_itself(broker: MosquittoBroker) -> None:
    assert "pc.lan" not in shown_names(broker)

    run("bootstrap.sh", broker.folder / "secrets", IDC_BROKER_NAMES="pc.lan")

    wait_until(lambda: "pc.lan" in shown_names(broker), "the new name is served", 60)


@pytest.mark.parametrize("changed", ["ca.crt", "bridges.sha256"])
def test_running_broker_ends_in_order_for_what_takes_a_restart(
    broker: MosquittoBroker, following: "subprocess.Popen[bytes]", changed: str
) -> None:
    home = broker.folder / "secrets/broker"
    (home / "new").write_text("another")

    (home / "new").rename(home / changed)

    assert following.wait(timeout=60) == 0
    assert (broker.folder / "again").exists()
    wait_until(lambda: not broker.is_running, "the broker has ended", 60)
