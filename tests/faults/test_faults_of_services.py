"""The alarm or the gateway is killed, or a second alarm takes the first one's name."""

import threading
import time
from collections.abc import Callable

import pytest

from support.eventually import wait_until
from support.fault_report import FaultRow
from support.fault_scene import FaultScene, acted_on, count_up

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]


def test_alarm_killed_while_it_sounds(scene: FaultScene, report: Report) -> None:
    accepted = scene.post(1)
    wait_until(lambda: scene.alarm_state().buzzer, "the buzzer sounds")
    scene.stack.kill("alarm")
    accepted += scene.post(30)
    finding = scene.alarm_state().latched_by

    scene.stack.restart("alarm")
    back_at = len(scene.witness.received)
    wait_until(
        lambda: any(topic.endswith("/alarm-state") for topic, _ in scene.witness.received[back_at:]),
        "the alarm tells its state again",
        60,
    )

    row = scene.count("alarm killed while sounding", accepted, "red and buzzer again after the restart")
    report(row)
    state = scene.alarm_state()
    assert state.lamps.red
    assert state.buzzer
    assert state.latched_by == finding


def test_gateway_killed_again_and_again(scene: FaultScene, report: Report) -> None:
    kills = 3

    def break_and_mend() -> None:
        for _ in range(kills):
            time.sleep(4)
            scene.stack.kill("gateway")
            time.sleep(3)
            scene.stack.restart("gateway")

    breaker = threading.Thread(target=break_and_mend)
    breaker.start()
    accepted = scene.post(100, pace_s=0.2)
    breaker.join(timeout=120)

    report(scene.count("gateway killed", accepted, f"killed {kills} times; the client asked again"))


def test_second_alarm_with_the_same_client_id(scene: FaultScene, report: Report) -> None:
    twin = f"{scene.stack.project}-twin"
    # a journal of its own, as another machine has
    options = ("--detach", "--no-deps", "--env", "ALARM_STATE_DIR=/tmp", "--name", twin)
    scene.stack.compose("run", *options, "alarm")
    try:
        wait_until(lambda: "connection to the broker ended" in scene.stack.logs("alarm"), "they take turns", 60)
        accepted = scene.post(50, pace_s=0.2)
        wait_until(
            lambda: set(accepted) <= scene.acted_on().keys() | acted_on(scene.stack.container_logs(twin)).keys(),
            "each finding was acted on by one of them",
            120,
        )
        log_of_twin = scene.stack.container_logs(twin)
    finally:
        scene.stack.remove_container(twin)
    by_first = set(accepted) & scene.acted_on().keys()
    by_twin = set(accepted) & acted_on(log_of_twin).keys()
    assert '"red": true' in log_of_twin
    assert scene.alarm_state().lamps.red
    alone_again = scene.post(20)
    everything = {*accepted, *alone_again}
    wait_until(lambda: everything <= scene.published(), "the witness has all", 60)
    wait_until(lambda: set(alone_again) <= scene.acted_on().keys(), "alone again, the first acts on all", 60)

    seen = (
        f"of {len(accepted)} the first acted on {len(by_first)}, the second on {len(by_twin)}; both showed red; "
        f"alone again, the first acted on all {len(alone_again)}"
    )
    received = by_twin | scene.acted_on().keys()
    everything = {*accepted, *alone_again}
    report(
        count_up("second alarm with the same client id", everything, scene.stored(), scene.published(), received, seen)
    )
