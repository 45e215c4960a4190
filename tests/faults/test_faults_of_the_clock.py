"""Clocks jump by an hour, forward and back, all together and one alone."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.fault_report import FaultRow
from support.fault_scene import FaultScene

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]
HERE = Path(__file__).parent

HOUR_S = 3600
EVERYONE = ("broker", "gateway", "alarm")
JUMPS = (
    (EVERYONE, +HOUR_S),
    (EVERYONE, 0),
    (EVERYONE, -HOUR_S),
    (EVERYONE, 0),
    (("gateway",), +HOUR_S),
    (("gateway",), -HOUR_S),
    (("gateway",), 0),
)
FINDINGS_EACH = 15


@pytest.fixture(scope="module")
def overrides() -> tuple[Path, ...]:
    """Images with clocks that can be set."""
    return (HERE / "docker-compose.faults.yml", HERE / "docker-compose.clock.yml")


def _set_clock(scene: FaultScene, service: str, offset_s: int) -> None:
    scene.stack.exec(service, "sh", "-c", f"echo {offset_s:+d} > /tmp/clock.new && mv /tmp/clock.new /tmp/clock")
    told_s = float(scene.stack.exec(service, "date", "+%s"))
    assert abs(told_s - time.time() - offset_s) < 60, f"the clock of {service} did not jump"


def test_clocks_jump_by_an_hour(scene: FaultScene, report: Report) -> None:
    accepted = scene.post(FINDINGS_EACH)
    for services, offset_s in JUMPS:
        for service in services:
            _set_clock(scene, service, offset_s)
        accepted += scene.post(FINDINGS_EACH, pace_s=0.2)

    row = scene.count(
        "clocks jump by an hour", accepted, f"{len(JUMPS)} jumps, forward and back, all together and the gateway alone"
    )
    report(row)
    assert scene.alarm_state().lamps.red
