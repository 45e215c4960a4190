"""More than a busy day at once."""

import time
from collections.abc import Callable

import pytest

from support.fault_report import FaultRow
from support.fault_scene import FaultScene

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]


def test_flood_of_10_000_events(scene: FaultScene, report: Report) -> None:
    began_at = time.monotonic()
    accepted = scene.post(5_000, batch=100, finding=False)
    scene.stack.kill("alarm")
    accepted += scene.post(4_900, batch=100, finding=False)
    scene.stack.restart("alarm")
    accepted += scene.post(100, batch=100)
    posted_in_s = time.monotonic() - began_at

    row = scene.count("flood of 10,000 events", accepted, f"posted in {posted_in_s:.0f} s, the alarm away for half")
    report(row)
    assert scene.alarm_state().lamps.red
    assert not scene.stack.inspect("broker")["State"]["OOMKilled"]
    assert scene.stack.inspect("broker")["RestartCount"] == 0
