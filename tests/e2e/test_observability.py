"""Prometheus beside the stack: targets, rules and console."""

import subprocess

import httpx
import pytest

from support.compose_stack import IMAGE_TAG, ComposeStack, wait_until
from support.demo_patches import DemoPatches

pytestmark = pytest.mark.e2e

IMAGE = f"idc-sentinel/observability:{IMAGE_TAG}"


@pytest.fixture(scope="module")
def prometheus(stack: ComposeStack) -> str:
    """The address of the running Prometheus."""
    stack.compose("--profile", "observability", "up", "--detach", "--build", "--wait", "observability", timeout_s=600)
    (place,) = stack.inspect("observability")["NetworkSettings"]["Ports"]["9090/tcp"]
    assert place["HostIp"] == "127.0.0.1"
    return f"http://127.0.0.1:{place['HostPort']}"


def _up(address: str) -> dict[str, str]:
    found = httpx.get(f"{address}/api/v1/query", params={"query": "up"}).json()["data"]["result"]
    return {sample["metric"]["job"]: sample["value"][1] for sample in found}


def test_gateway_and_inference_are_watched(stack: ComposeStack, prometheus: str, patches: DemoPatches) -> None:
    with stack.client() as client:
        client.post("/api/v1/classifications", content=patches.positive, headers={"Content-Type": "image/png"})

    wait_until(lambda: _up(prometheus) == {"gateway": "1", "inference": "1", "prometheus": "1"}, "all are up", 90)


def test_console_shows_the_site_at_one_look(prometheus: str) -> None:
    wait_until(lambda: _up(prometheus).get("gateway") == "1", "the gateway is watched", 90)

    page = httpx.get(f"{prometheus}/consoles/idc.html")

    assert page.status_code == 200, page.text
    for text in ("IDC Sentinel", "Not a medical device", "no_idc", "broker connected", "CPU"):
        assert text in page.text


def test_rules_are_sound_and_none_fires_on_a_healthy_site(prometheus: str) -> None:
    checked = subprocess.run(
        ["docker", "run", "--rm", "--network=none", IMAGE, "promtool", "check", "rules", "/etc/prometheus/rules.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    rules = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"][0]["rules"]

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "9 rules found" in checked.stdout
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_lost_broker_raises_an_alert(stack: ComposeStack, prometheus: str) -> None:
    def state() -> str:
        rules = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"][0]["rules"]
        return next(rule["state"] for rule in rules if rule["name"] == "BrokerDisconnected")

    stack.kill("broker")
    wait_until(lambda: state() in ("pending", "firing"), "the alert is pending", 90)
    stack.restart("broker")

    wait_until(lambda: state() == "inactive", "the alert is over", 120)
