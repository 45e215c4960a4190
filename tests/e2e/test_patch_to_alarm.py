"""The whole way: a patch goes in by HTTP, the alarm's lamps change."""

import httpx
import pytest

from idc_contracts import Lamps
from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches
from support.eventually import wait_until

pytestmark = pytest.mark.e2e


def _classify(stack: ComposeStack, image: bytes) -> dict[str, object]:
    with stack.client() as client:
        answer = client.post("/api/v1/classifications", content=image, headers={"Content-Type": "image/png"})
    assert answer.status_code == 201, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    assert len(items) == 1
    return items[0]


def test_positive_patch_raises_the_alarm_and_after_it_is_acknowledged_a_negative_one_shows_blue(
    stack: ComposeStack, patches: DemoPatches
) -> None:
    finding = _classify(stack, patches.positive)

    assert finding["decision"] == "idc"
    wait_until(lambda: stack.alarm_state().lamps == Lamps(red=True), "only red is lit")
    state = stack.alarm_state()
    assert state.buzzer
    assert str(state.latched_by) == finding["id"]

    stack.acknowledge()
    assert not stack.alarm_state().buzzer
    clear = _classify(stack, patches.negative)

    assert clear["decision"] == "no_idc"
    wait_until(lambda: stack.alarm_state().lamps == Lamps(blue=True), "only blue is lit")
    assert not stack.alarm_state().buzzer


def test_negative_patch_does_not_clear_an_unacknowledged_finding(stack: ComposeStack, patches: DemoPatches) -> None:
    finding = _classify(stack, patches.positive)
    clear = _classify(stack, patches.negative)

    wait_until(lambda: str(stack.alarm_state().last_classification) == clear["id"], "the negative patch arrived")

    state = stack.alarm_state()
    assert state.lamps.red
    assert not state.lamps.blue
    assert str(state.latched_by) == finding["id"]


def test_result_is_kept_and_carries_what_made_it(stack: ComposeStack, patches: DemoPatches) -> None:
    item = _classify(stack, patches.negative)

    with stack.client() as client:
        kept = client.get(f"/api/v1/classifications/{item['id']}").json()

    assert kept == item
    assert kept["model"]["name"] == "idc"
    assert len(kept["model"]["sha256"]) == 64
    assert kept["thresholds"]["no_idc_below"] <= kept["thresholds"]["idc_from"]


def test_batch_answers_in_the_order_sent(stack: ComposeStack, patches: DemoPatches) -> None:
    files = [("images", (f"{n}.png", [patches.negative, patches.positive][n % 2], "image/png")) for n in range(6)]

    with stack.client() as client:
        items = client.post("/api/v1/classifications", files=files).json()["items"]

    assert [item["name"] for item in items] == [f"{n}.png" for n in range(6)]
    assert [item["classification"]["decision"] for item in items] == ["no_idc", "idc"] * 3


def test_2018_endpoint_answers_as_it_did(stack: ComposeStack, patches: DemoPatches) -> None:
    with stack.client() as client:
        positive = client.post("/api/infer", content=patches.positive)
        negative = client.post("/api/infer", content=patches.negative)

    assert positive.json() == {"Response": "OK", "ResponseMessage": "IDC Detected!", "Results": 1}
    assert negative.json() == {"Response": "OK", "ResponseMessage": "IDC Not Detected!", "Results": 0}


def test_key_and_results_survive_a_stop_of_the_whole_stack(stack: ComposeStack, patches: DemoPatches) -> None:
    item = _classify(stack, patches.negative)
    key = stack.api_key

    stack.compose("down")
    stack.start(build=False)

    assert stack.exec("gateway", "cat", "/run/secrets/idc/api-key").strip() == key
    with stack.client() as client:
        assert client.get(f"/api/v1/classifications/{item['id']}").json() == item


def test_page_is_served_with_the_research_notice(stack: ComposeStack) -> None:
    page = httpx.get(stack.url, follow_redirects=True, timeout=30)

    assert page.status_code == 200
    assert "not a medical device" in page.text
