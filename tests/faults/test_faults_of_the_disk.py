"""The broker's disk is full."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.eventually import wait_until
from support.fault_report import FaultRow
from support.fault_scene import FaultScene

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def overrides() -> tuple[Path, ...]:
    """A disk of 2 MiB for the broker."""
    return (HERE / "docker-compose.faults.yml", HERE / "docker-compose.small-disk.yml")


def _fill_disk(scene: FaultScene) -> None:
    script = "cat /dev/zero > /var/lib/mosquitto/fill 2>/dev/null; test -s /var/lib/mosquitto/fill"
    scene.stack.exec("broker", "sh", "-c", script)


def _copy_has_the_alarm(scene: FaultScene) -> bool:
    script = "grep -c idc-alarm-site-alarm /var/lib/mosquitto/mosquitto.db.good || true"
    return scene.stack.exec("broker", "sh", "-c", script).strip() not in {"", "0"}


def test_full_disk_of_the_broker(scene: FaultScene, report: Report) -> None:
    accepted = scene.post(10)
    wait_until(lambda: _copy_has_the_alarm(scene), "the alarm's session is written", 60)
    _fill_disk(scene)
    accepted += scene.post(60)
    wait_until(lambda: "No space left" in scene.stack.logs("broker"), "the broker says that its disk is full")
    scene.stack.kill("alarm")
    accepted += scene.post(50)
    # the worst: what waits for the alarm is in the broker's memory alone, and that goes too
    scene.stack.kill("broker")
    scene.stack.restart("broker")
    accepted += scene.post(10)
    scene.stack.exec("broker", "rm", "/var/lib/mosquitto/fill")
    scene.stack.restart("alarm")

    report(
        scene.count(
            "broker's disk full",
            accepted,
            "60 findings with the alarm there, 50 without; then the broker was killed with the disk still full",
        )
    )
