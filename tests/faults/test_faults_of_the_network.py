"""The network is cut, as a pulled cable cuts it: nobody is told."""

import threading
import time
from collections.abc import Callable

import pytest

from support.fault_report import FaultRow
from support.fault_scene import FaultScene

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]

CUT_S = 30.0


@pytest.mark.parametrize("service", ["gateway", "alarm"])
def test_network_cut_between_a_service_and_the_broker(scene: FaultScene, report: Report, service: str) -> None:
    behind: list[int] = []

    def cut_and_mend() -> None:
        time.sleep(5)
        scene.stack.cut_network(service, "bus")
        time.sleep(CUT_S)
        arrived = scene.published() if service == "gateway" else scene.acted_on().keys()
        behind.append(len(scene.stored() - arrived))
        scene.stack.mend_network(service, "bus")

    breaker = threading.Thread(target=cut_and_mend)
    breaker.start()
    accepted = scene.post(100, pace_s=0.4)
    breaker.join(timeout=120)

    seen = f"cut for {CUT_S:.0f} s; {behind[0]} results waited at its end"
    report(scene.count(f"network cut between {service} and broker", accepted, seen))
    assert behind[0] > 0
    assert scene.alarm_state().lamps.red
