"""Services are killed in the middle of 50 posted patches: no accepted result and no alarm is lost.

The gateway's turn is in test_gateway_kills.py.
"""

import threading
import time

import pytest

from support.careful_client import post_until_accepted
from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches
from support.eventually import wait_until
from support.fault_scene import acted_on

pytestmark = pytest.mark.e2e
PATCHES = 50


@pytest.mark.parametrize("victim", ["broker", "alarm", "inference"])
def test_killing_a_service_loses_no_accepted_result_and_no_alarm(
    stack: ComposeStack, patches: DemoPatches, victim: str
) -> None:
    def break_and_mend() -> None:
        for _ in range(2):
            time.sleep(1.0)
            stack.kill(victim)
            time.sleep(2.0)
            stack.restart(victim)

    breaker = threading.Thread(target=break_and_mend)
    accepted: list[str] = []
    with stack.client() as client:
        breaker.start()
        for number in range(PATCHES):
            accepted += post_until_accepted(client, patches.positive if number % 10 == 3 else patches.negative)
            time.sleep(0.15)
        breaker.join()
        stack.start(build=False)
        kept = [client.get(f"/api/v1/classifications/{identity}").status_code for identity in accepted]

    assert kept == [200] * PATCHES
    wait_until(lambda: set(accepted) <= acted_on(stack.logs("alarm")).keys(), "the alarm has acted on every result")
    state = stack.alarm_state()
    assert state.lamps.red
    assert str(state.latched_by) in accepted


def test_alarm_that_was_away_shows_a_finding_when_it_is_back(stack: ComposeStack, patches: DemoPatches) -> None:
    stack.kill("alarm")
    with stack.client() as client:
        (finding,) = post_until_accepted(client, patches.positive)

    stack.restart("alarm")

    wait_until(lambda: str(stack.alarm_state().latched_by) == finding, "the finding is shown")


def test_latched_alarm_is_still_latched_after_a_power_cut(stack: ComposeStack, patches: DemoPatches) -> None:
    with stack.client() as client:
        (finding,) = post_until_accepted(client, patches.positive)
    wait_until(lambda: stack.alarm_state().buzzer, "the buzzer sounds")

    stack.kill("alarm")
    stack.restart("alarm")
    wait_until(lambda: stack.inspect("alarm")["State"]["Health"]["Status"] == "healthy", "the alarm is back")

    state = stack.alarm_state()
    assert state.lamps.red
    assert state.buzzer
    assert str(state.latched_by) == finding
