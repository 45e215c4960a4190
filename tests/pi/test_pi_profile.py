"""What the compose profile `pi` gives to its container; here another device is in the place of the GPIO chip."""

import json
import os
import subprocess
from collections.abc import Iterator
from uuid import uuid4

import pytest

from support.compose_stack import IMAGE_TAG
from support.mosquitto import REPOSITORY

pytestmark = pytest.mark.pi

SETTINGS = {"IDC_GPIO_CHIP": "/dev/null", "IDC_GPIO_GROUP": "4711", "IDC_TAG": IMAGE_TAG}
DEVICES_OF_EVERY_CONTAINER = {
    *("console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm"),
    *("stderr", "stdin", "stdout", "tty", "urandom", "zero"),
}


def compose(project: str, *arguments: str, timeout_s: float = 600) -> str:
    done = subprocess.run(
        ["docker", "compose", "--project-name", project, "--profile", "pi", *arguments],
        cwd=REPOSITORY,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture
def project() -> Iterator[str]:
    name = f"idc-pi-{uuid4().hex[:8]}"
    yield name
    compose(name, "down", "--volumes", "--timeout", "5")


def test_compose_takes_the_profile_and_gives_the_chip_to_its_alarm_alone(project: str) -> None:
    services = json.loads(compose(project, "config", "--format", "json"))["services"]

    with_devices = {name: service["devices"] for name, service in services.items() if "devices" in service}

    assert with_devices == {
        "alarm-pi": [{"source": "/dev/null", "target": "/dev/gpiochip0", "permissions": "rw"}],
    }


def test_container_is_not_root_and_has_the_group_and_the_chip_and_no_other_device(project: str) -> None:
    program = "import json, os; print(json.dumps([os.getuid(), os.getgroups(), os.listdir('/dev')]))"

    compose(project, "build", "alarm")  # the image of both alarms
    answer = compose(project, "run", "--rm", "--no-deps", "-T", "alarm-pi", "python", "-c", program)

    user, groups, devices = json.loads(answer.splitlines()[-1])
    assert user == 10001
    assert 4711 in groups
    assert set(devices) - DEVICES_OF_EVERY_CONTAINER == {"gpiochip0"}
