"""Services are killed in the middle of 50 posted patches: no accepted result and no alarm is lost."""

import threading
import time
from uuid import UUID

import httpx
import pytest

from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches
from support.eventually import wait_until

pytestmark = pytest.mark.e2e
PATCHES = 50


def _post_until_accepted(client: httpx.Client, image: bytes, timeout_s: float = 90.0) -> str:
    """Post one patch as a careful client does: again while the answer is 503 or nobody answers."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            answer = client.post("/api/v1/classifications", content=image, headers={"Content-Type": "image/png"})
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code == 201:
            return str(answer.json()["items"][0]["id"])
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        time.sleep(0.2)
    raise TimeoutError("the patch was not accepted")


def _acted_on(stack: ComposeStack) -> set[str]:
    """The classifications that the alarm has acted on, as its log names them."""
    words = stack.logs("alarm").replace('"', " ").split()
    return {word for word in words if _is_uuid(word)}


def _is_uuid(word: str) -> bool:
    try:
        return str(UUID(word)) == word
    except ValueError:
        return False


@pytest.mark.parametrize("victim", ["broker", "alarm", "inference", "gateway"])
def test_killing_a_service_loses_no_accepted_result_and_no_alarm(
    stack: ComposeStack, patches: DemoPatches, victim: str
) -> None:
    breaker_done = threading.Event()

    def break_and_mend() -> None:
        for _ in range(2):
            time.sleep(1.0)
            stack.kill(victim)
            time.sleep(2.0)
            stack.restart(victim)
        breaker_done.set()

    breaker = threading.Thread(target=break_and_mend)
    accepted: list[tuple[str, bool]] = []
    with stack.client() as client:
        breaker.start()
        for number in range(PATCHES):
            is_finding = number % 10 == 3
            accepted.append(
                (_post_until_accepted(client, patches.positive if is_finding else patches.negative), is_finding)
            )
            time.sleep(0.15)
        breaker.join(timeout=120)
        assert breaker_done.is_set()
        stack.start(build=False)
        kept = [client.get(f"/api/v1/classifications/{identity}").status_code for identity, _ in accepted]

    assert kept == [200] * PATCHES
    identities = {identity for identity, _ in accepted}
    wait_until(lambda: identities <= _acted_on(stack), "the alarm has acted on every accepted result")
    assert stack.alarm_state().lamps.red
    assert stack.alarm_state().latched_by is not None


def test_alarm_that_was_away_shows_a_finding_when_it_is_back(stack: ComposeStack, patches: DemoPatches) -> None:
    stack.kill("alarm")
    with stack.client() as client:
        finding = _post_until_accepted(client, patches.positive)

    stack.restart("alarm")

    wait_until(lambda: str(stack.alarm_state().latched_by) == finding, "the finding is shown")


def test_latched_alarm_is_still_latched_after_a_power_cut(stack: ComposeStack, patches: DemoPatches) -> None:
    with stack.client() as client:
        finding = _post_until_accepted(client, patches.positive)
    wait_until(lambda: stack.alarm_state().buzzer, "the buzzer sounds")

    stack.kill("alarm")
    stack.restart("alarm")
    wait_until(lambda: stack.inspect("alarm")["State"]["Health"]["Status"] == "healthy", "the alarm is back")

    state = stack.alarm_state()
    assert state.lamps.red
    assert state.buzzer
    assert str(state.latched_by) == finding
