"""The broker's image by itself: what its settings make of the configuration."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from support.compose_stack import IMAGE_TAG
from support.eventually import wait_until

pytestmark = pytest.mark.e2e
IMAGE = f"idc-sentinel/broker:{IMAGE_TAG}"
SIGN_IN = (
    "printf -- '-u monitor\\n-P %s\\n' \"$(cat /run/secrets/idc/mqtt-password)\" > /tmp/mosquitto_sub; "
    "XDG_CONFIG_HOME=/tmp mosquitto_sub -h localhost -p 8883 --cafile /run/secrets/idc/ca.crt "
    "-t '$SYS/broker/version' -C 1 -W 4"
)
KEEP_A_SESSION = f"{SIGN_IN} --id absent-reader --disable-clean-session --qos 1"


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=check, capture_output=True, text=True, timeout=60)


class BrokerContainer:
    """One broker with secrets of its own, as hardened as in the stack."""

    def __init__(self, name: str) -> None:
        self.name = name
        secrets = f"--volume={name}:/secrets/broker"
        docker("run", "--rm", "--network=none", "--tmpfs=/tmp", secrets, IMAGE, "bootstrap.sh", "/secrets")

    def start(self, *options: str) -> None:
        docker("rm", "--force", self.name, check=False)
        secrets = f"--volume={self.name}:/run/secrets/idc:ro"
        hardened = (
            "--network=none",
            "--read-only",
            "--cap-drop=ALL",
            "--tmpfs=/tmp",
            "--tmpfs=/var/lib/mosquitto:uid=10001",
        )
        docker("run", "--detach", "--name", self.name, *hardened, secrets, *options, IMAGE)

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        return docker("exec", self.name, *command, check=False)

    def is_healthy(self) -> bool:
        return self.exec("health.sh").returncode == 0


@pytest.fixture
def container() -> Iterator[BrokerContainer]:
    name = f"idc-e2e-broker-{uuid4().hex[:8]}"
    yield BrokerContainer(name)
    docker("rm", "--force", name, check=False)
    docker("volume", "rm", "--force", name)


def test_certificate_is_asked_for_only_where_the_setting_says_so(container: BrokerContainer) -> None:
    container.start()
    wait_until(container.is_healthy, "the broker works")
    assert container.exec("sh", "-c", SIGN_IN).returncode == 0

    container.start("--env=IDC_MUTUAL_TLS=on")
    wait_until(container.is_healthy, "the broker works with certificates")
    assert container.exec("sh", "-c", SIGN_IN).returncode != 0


def test_few_changes_are_written_after_a_time_too(container: BrokerContainer) -> None:
    container.start("--env=IDC_SAVE_EVERY_S=1")
    wait_until(container.is_healthy, "the broker works")

    assert container.exec("sh", "-c", KEEP_A_SESSION).returncode == 0

    database = "/var/lib/mosquitto/mosquitto.db"
    wait_until(lambda: container.exec("grep", "-q", "absent-reader", database).returncode == 0, "it is written")


def test_unknown_setting_ends_the_broker_with_an_error(container: BrokerContainer) -> None:
    container.start("--env=IDC_MUTUAL_TLS=yes")

    wait_until(
        lambda: docker("inspect", "--format={{.State.Status}}", container.name).stdout.strip() == "exited",
        "the broker has ended",
    )
    assert docker("inspect", "--format={{.State.ExitCode}}", container.name).stdout.strip() == "78"
    assert "write on or off" in docker("logs", container.name).stderr


def test_bridge_is_added_with_the_password_of_its_file(container: BrokerContainer, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "site.conf").write_text(
        "connection site\naddress site.example:8883\ntopic +/+/alarm-state out 1 idc/v1/ idc/v1/\n"
    )
    (tmp_path / "site.password").write_text("not on any command line")

    container.start(f"--volume={tmp_path}:/etc/mosquitto/bridges:ro")

    wait_until(container.is_healthy, "the broker works")
    assert "site (site.example:8883)" in docker("logs", container.name).stdout
    joined = container.exec("cat", "/tmp/mosquitto.conf").stdout
    assert joined.endswith("remote_password not on any command line\n")
    assert container.exec("stat", "-c", "%a", "/tmp/mosquitto.conf").stdout.strip() == "600"
