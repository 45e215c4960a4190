"""docs/how-to/several-machines.md: the gateway on a PC, inference on an UP Squared, the alarm on a Pi.

Three clones, three compose projects, with networks of their own: what one has of another is its published port.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.checkout import Checkout
from support.demo_patches import solid_png
from support.eventually import wait_until
from support.free_port import free_port
from support.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.e2e
IMAGE_ACCOUNT = 10001
ALARM_WITHOUT_A_PI = """
    devices: !reset []
    environment: {ALARM_PIN_FACTORY: mock}
"""


def address_of_this_machine() -> str:
    """Its address in the network that its containers reach, too; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@dataclass
class Machines:
    """The three machines of the how-to."""

    pc: Checkout
    up: Checkout
    pi: Checkout
    address: str

    def remove(self) -> None:
        """Remove all that was started."""
        for machine in (self.pi, self.pc, self.up):
            machine.remove()

    def carry(self, folder: str, machine: Checkout) -> Path:
        """Bring a folder of secrets from the PC to another machine, as the how-to does it."""
        self.pc.compose("cp", f"bootstrap:/secrets/{folder}", f"./{folder}-secrets")
        carried = machine.folder / f"{folder}-secrets"
        shutil.move(self.pc.folder / f"{folder}-secrets", carried)
        for path in (carried, *carried.iterdir()):
            os.chown(path, IMAGE_ACCOUNT, IMAGE_ACCOUNT)
        return carried

    def alarms(self) -> list[dict[str, Any]]:
        """The alarms as the gateway on the PC tells them."""
        listed: list[dict[str, Any]] = self._get("/api/v1/alarms").json()["items"]
        return listed

    def classify(self, image: bytes) -> httpx.Response:
        """Send a patch to the PC."""
        headers = {"Authorization": f"Bearer {self.pc.api_key()}", "Content-Type": "image/png"}
        return httpx.post(f"{self.pc.url}/api/v1/classifications", content=image, headers=headers, timeout=30)

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.pc.url}{path}", headers={"Authorization": f"Bearer {self.pc.api_key()}"}, timeout=30)


def _named_here(machine: Checkout, service: str, name: str, address: str, more: str = "") -> None:
    """Give a machine the other one's name, as the LAN's DNS would, by one more compose file."""
    text = f'services:\n  {service}:\n    extra_hosts: ["{name}:{address}"]{more}'
    (machine.folder / "lan.yml").write_text(text)
    machine.configure(COMPOSE_FILE=f"{machine.settings.get('COMPOSE_FILE', 'docker-compose.yml')}:lan.yml")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    if os.getuid() != 0:
        pytest.skip("root alone gives files to the image's account, as the how-to's sudo does")
    root, run, address = tmp_path_factory.mktemp("lan"), uuid4().hex[:6], address_of_this_machine()
    root.chmod(0o755)
    mqtt_port, inference_port = str(free_port()), str(free_port())
    models = root / "models"
    models.mkdir(mode=0o755)
    write_tiny_bundle(models)
    pc = Checkout(
        root / f"idc-e2e-pc-{run}",
        {
            "IDC_MQTT_BIND": address,
            "IDC_MQTT_PORT": mqtt_port,
            "IDC_BROKER_NAMES": "pc.lan",
            "IDC_INFERENCE_NAMES": "up.lan",
            "IDC_INFERENCE_URL": f"https://up.lan:{inference_port}",
            "IDC_LOCAL_INFERENCE": "0",
            "IDC_PRETEND_ALARM": "0",
        },
    )
    up = Checkout(
        root / f"idc-e2e-up-{run}",
        {
            "COMPOSE_FILE": "docker-compose.inference.yml",
            "IDC_INFERENCE_PORT": inference_port,
            "IDC_MODELS": str(models),
        },
    )
    pi = Checkout(
        root / f"idc-e2e-pi-{run}",
        {"COMPOSE_FILE": "docker-compose.pi.yml", "IDC_PI_BROKER": "pc.lan", "IDC_PI_BROKER_PORT": mqtt_port},
    )
    _named_here(pc, "gateway", "up.lan", address)
    _named_here(pi, "alarm-pi", "pc.lan", address, ALARM_WITHOUT_A_PI)
    machines = Machines(pc, up, pi, address)
    try:
        pc.compose("up", "--build", "--detach", timeout_s=1800)
        machines.carry("inference", up)
        machines.carry("alarm", pi)
        up.up("--build")
        pi.up("--build")
        pc.up()
        yield machines
    finally:
        machines.remove()


def test_each_machine_runs_its_own_services_and_no_other(machines: Machines) -> None:
    assert machines.pc.running() == {"broker", "gateway", "slides"}
    assert machines.up.running() == {"inference", "inference-tls"}
    assert machines.pi.running() == {"alarm-pi"}


def test_patch_goes_from_the_pc_to_remote_inference_and_to_the_remote_alarm(machines: Machines) -> None:
    wait_until(
        lambda: [alarm["device"] for alarm in machines.alarms()] == ["alarm-pi"], "the Pi's alarm alone is known"
    )

    answer = machines.classify(solid_png((250, 20, 20)))

    assert answer.status_code == 201, answer.text
    (item,) = answer.json()["items"]
    assert item["decision"] == "idc"
    wait_until(lambda: machines.alarms()[0]["lamps"]["red"], "the Pi's red lamp is lit")
    assert item["id"] in machines.pi.compose("logs", "alarm-pi")


def test_inference_refuses_missing_and_wrong_keys_and_plain_http(machines: Machines) -> None:
    authority = str(machines.up.folder / "inference-secrets/ca.crt")
    port = machines.up.settings["IDC_INFERENCE_PORT"]

    def status(*options: str, scheme: str = "https") -> str:
        target = ["--connect-to", f"up.lan:{port}:{machines.address}:{port}", f"{scheme}://up.lan:{port}/v2/models/idc"]
        command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", authority]
        return subprocess.run([*command, *options, *target], capture_output=True, text=True, check=False).stdout

    key = (machines.up.folder / "inference-secrets/inference-key").read_text().strip()
    assert status("--header", f"Authorization: Bearer {key}") == "200"
    assert status() == "401"
    assert status("--header", f"Authorization: Bearer {key[:-1]}0x") == "401"
    assert status("--header", f"Authorization: Bearer {key}", scheme="http") == "400"


def test_day_to_day_commands_on_the_pi_are_about_the_alarm_alone(machines: Machines) -> None:
    pi = machines.pi

    for command in (["restart"], ["stop"], ["up", "--detach", "--wait"], ["up", "--build", "--detach", "--wait"]):
        pi.compose(*command)
    assert pi.running() == {"alarm-pi"}
    assert "alarm-pi" in pi.compose("logs")

    pi.compose("down")
    assert pi.compose("ps", "--all", "--quiet") == ""
    pi.up()
    assert pi.running() == {"alarm-pi"}


def test_later_up_on_the_pc_starts_neither_inference_nor_a_pretended_alarm(machines: Machines) -> None:
    machines.pc.up()

    assert machines.pc.running() == {"broker", "gateway", "slides"}


def test_exchanged_key_counts_after_up_and_a_copy_of_the_folder(machines: Machines) -> None:
    pc, up = machines.pc, machines.up
    pc.compose("run", "--rm", "--no-deps", "bootstrap", "rm", "-f", "/secrets/gateway/inference-key")
    pc.compose("up", "--detach")
    wait_until(lambda: "cannot be used" in pc.compose("logs", "gateway"), "the gateway says that its key is refused")
    assert machines.classify(solid_png((10, 20, 20))).status_code == 503

    shutil.rmtree(up.folder / "inference-secrets")
    machines.carry("inference", up)
    up.compose("up", "--detach", "--wait", "--force-recreate", "inference-tls")

    wait_until(lambda: machines.classify(solid_png((10, 20, 20))).status_code == 201, "the new key is accepted", 90)


def test_missing_secrets_are_reported_by_the_path(machines: Machines, tmp_path: Path) -> None:
    for machine, service, folder in (
        (machines.up, "inference-tls", "inference-secrets"),
        (machines.pi, "alarm-pi", "alarm-secrets"),
    ):
        secrets = machine.folder / folder
        secrets.rename(tmp_path / folder)
        told = machine.run("docker", "compose", "up", "--detach", "--force-recreate", service)
        shutil.move(tmp_path / folder, secrets)

        assert told.returncode != 0
        assert str(secrets) in told.stderr
        machine.up()
