"""The alarm's image for arm64 runs, by QEMU's user mode, as the account and with the limits that compose gives it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from idc_alarm.settings import AlarmSettings
from idc_contracts import ALARM_STATE, CLASSIFICATIONS, AlarmState, Decision
from support.alarm_messages import patch_classified
from support.eventually import wait_until
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer

pytestmark = pytest.mark.pi

HARDENED = (
    *("--platform", "linux/arm64", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"),
    *("--memory", "256m", "--tmpfs", "/tmp:size=4m,mode=1777", "--tmpfs", "/var/lib/idc:size=4m,mode=700,uid=10001"),
)


def docker(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False)


@pytest.fixture
def alarm_account(broker: MosquittoBroker, tmp_path: Path) -> Path:
    """The alarm's own secrets, for the account of the image to read."""
    folder = tmp_path / "alarm-secrets"
    shutil.copytree(broker.settings("alarm").password_file.parent, folder)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o444)
    return folder


@pytest.fixture
def running_alarm(arm64_image: str, broker: MosquittoBroker, alarm_account: Path) -> Iterator[str]:
    """The name of a container in which the alarm runs with mock pins, beside a broker of its own."""
    name = f"idc-pi-{uuid4().hex[:8]}"
    environment = {
        "ALARM_SITE": name,
        "ALARM_PIN_FACTORY": "mock",
        "ALARM_MQTT__HOST": broker.host,
        "ALARM_MQTT__PORT": str(broker.port),
        "ALARM_MQTT__USERNAME": "alarm",
        "ALARM_MQTT__PASSWORD_FILE": "/run/secrets/idc/mqtt-password",
        "ALARM_MQTT__CA_FILE": "/run/secrets/idc/ca.crt",
    }
    settings = [f"--env={key}={value}" for key, value in environment.items()]
    secrets = f"--volume={alarm_account}:/run/secrets/idc:ro"
    started = docker("run", "--detach", "--name", name, "--network", "host", *HARDENED, *settings, secrets, arm64_image)
    try:
        assert started.returncode == 0, started.stderr
        yield name
    finally:
        docker("rm", "--force", name)


def test_image_holds_arm64_programs_and_the_pin_driver(arm64_image: str) -> None:
    program = "import os, platform, lgpio; print(platform.machine(), os.getuid(), lgpio.__name__)"

    done = docker("run", "--rm", *HARDENED, "--workdir", "/tmp", arm64_image, "python", "-c", program)

    assert done.stdout.split() == ["aarch64", "10001", "lgpio"], done.stderr


def test_without_a_gpio_chip_the_alarm_says_so_and_exits_69(arm64_image: str) -> None:
    names = ("ALARM_MQTT__USERNAME", "ALARM_MQTT__PASSWORD_FILE", "ALARM_MQTT__CA_FILE")
    settings = [f"--env={name}=unused" for name in names]

    done = docker("run", "--rm", *HARDENED, "--env=ALARM_PIN_FACTORY=lgpio", *settings, arm64_image)

    assert done.returncode == 69
    assert done.stderr.splitlines()[-1].startswith("idc-alarm: lgpio cannot open /dev/gpiochip*; run on a Raspberry Pi")


def test_arm64_alarm_becomes_healthy_and_lights_red_for_a_finding(running_alarm: str, broker: MosquittoBroker) -> None:
    device = AlarmSettings.model_fields["device"].default
    state = MqttPeer(broker.settings("operator"), ALARM_STATE.at(site=running_alarm, device=device))
    gateway = MqttPeer(broker.settings("gateway"))

    def is_healthy() -> bool:
        return docker("inspect", "--format", "{{.State.Health.Status}}", running_alarm).stdout.strip() == "healthy"

    wait_until(is_healthy, "the container is healthy", timeout_s=120)
    gateway.deliver(
        CLASSIFICATIONS.at(site=running_alarm, device="gateway"), patch_classified(Decision.IDC).to_payload()
    )

    state.wait_for(lambda payload: AlarmState.from_payload(payload).lamps.red, "red is lit")
    for peer in (state, gateway):
        peer.close()
