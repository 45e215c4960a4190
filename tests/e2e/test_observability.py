"""Prometheus beside the stack: targets, rules and console."""

import time
from pathlib import Path

import httpx
import pytest

from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches
from support.eventually import wait_until
from support.hardening import assert_hardened

pytestmark = pytest.mark.e2e

WATCHERS = ("observability", "probe")
JOBS = {"gateway", "inference", "slides", "certificates", "prometheus"}


@pytest.fixture(scope="module")
def prometheus(stack: ComposeStack) -> str:
    """The address of the running Prometheus."""
    stack.compose("--profile", "observability", "up", "--detach", "--build", "--wait", *WATCHERS, timeout_s=600)
    (place,) = stack.inspect("observability")["NetworkSettings"]["Ports"]["9090/tcp"]
    assert place["HostIp"] == "127.0.0.1"
    return f"http://127.0.0.1:{place['HostPort']}"


def _values(address: str, query: str, label: str) -> dict[str, float]:
    found = httpx.get(f"{address}/api/v1/query", params={"query": query}, timeout=60).json()["data"]["result"]
    return {sample["metric"][label]: float(sample["value"][1]) for sample in found}


def _up(address: str) -> dict[str, float]:
    return _values(address, "up", "job")


def test_every_target_is_up(stack: ComposeStack, prometheus: str, patches: DemoPatches) -> None:
    with stack.client() as client:
        client.post("/api/v1/classifications", content=patches.positive, headers={"Content-Type": "image/png"})

    wait_until(lambda: _up(prometheus) == dict.fromkeys(JOBS, 1.0), "all are up", 120)


def test_end_of_the_brokers_certificate_is_known(prometheus: str) -> None:
    query = "probe_ssl_earliest_cert_expiry"
    wait_until(lambda: "broker" in _values(prometheus, query, "service"), "the certificate was looked at", 120)

    left_days = (_values(prometheus, query, "service")["broker"] - time.time()) / 86400

    assert 30 < left_days < 5000


def test_console_shows_the_site_at_one_look(prometheus: str) -> None:
    wait_until(lambda: _up(prometheus).get("gateway") == 1, "the gateway is watched", 90)

    page = httpx.get(f"{prometheus}/consoles/idc.html", timeout=60)

    assert page.status_code == 200, page.text
    for text in ("IDC Sentinel", "Not a medical device", "no_idc", "broker connected", "CPU"):
        assert text in page.text


@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "/etc/prometheus/prometheus.yml"), ("test", "rules", "/etc/prometheus/rules_test.yml")],
    ids=["configuration", "rules"],
)
def test_promtool_finds_nothing(stack: ComposeStack, prometheus: str, arguments: tuple[str, ...]) -> None:
    """`rules_test.yml` says on which figures each rule fires, and on which none does."""
    said = stack.exec("observability", "promtool", *arguments)

    assert "SUCCESS" in said
    assert "FAILED" not in said


def test_every_rule_has_a_case_in_which_it_fires(prometheus: str) -> None:
    rules = httpx.get(f"{prometheus}/api/v1/rules", timeout=60).json()["data"]["groups"][0]["rules"]
    cases = (Path(__file__).parents[2] / "observability/rules_test.yml").read_text()

    assert [rule["name"] for rule in rules if f'{{alertname="{rule["name"]}"}}' not in cases] == []


@pytest.mark.parametrize("service", WATCHERS)
def test_watching_container_is_hardened(stack: ComposeStack, prometheus: str, service: str) -> None:
    description = stack.inspect(service)

    assert_hardened(description)
    published = [place["HostIp"] for places in description["HostConfig"]["PortBindings"].values() for place in places]
    assert set(published) <= {"127.0.0.1"}


def test_none_fires_on_a_healthy_site(prometheus: str) -> None:
    rules = httpx.get(f"{prometheus}/api/v1/rules", timeout=60).json()["data"]["groups"][0]["rules"]

    assert len(rules) == 13
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_lost_broker_raises_an_alert(stack: ComposeStack, prometheus: str) -> None:
    def state() -> str:
        rules = httpx.get(f"{prometheus}/api/v1/rules", timeout=60).json()["data"]["groups"][0]["rules"]
        return next(rule["state"] for rule in rules if rule["name"] == "BrokerDisconnected")

    stack.kill("broker")
    wait_until(lambda: state() in ("pending", "firing"), "the alert is pending", 90)
    stack.restart("broker")

    wait_until(lambda: state() == "inactive", "the alert is over", 120)
