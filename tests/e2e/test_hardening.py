"""What the running containers may do, and what they tell."""

import json
import subprocess

import pytest

from support.compose_stack import SERVICES, ComposeStack
from support.hardening import assert_hardened

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("service", SERVICES)
def test_container_is_hardened(stack: ComposeStack, service: str) -> None:
    assert_hardened(stack.inspect(service))


def test_no_secret_stands_in_a_log(stack: ComposeStack) -> None:
    secrets = {stack.api_key} | {
        stack.exec(service, "cat", "/run/secrets/idc/mqtt-password").strip()
        for service in ("gateway", "alarm", "broker")
    }
    logs = "".join(stack.logs(service) for service in (*SERVICES, "bootstrap"))

    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in logs]


@pytest.mark.parametrize("service", ["inference", "slides", "gateway", "alarm"])
def test_every_log_line_is_json(stack: ComposeStack, service: str) -> None:
    # The first sign-in link is for the person at the terminal; it is indented, as no log line is.
    lines = [line for line in stack.logs(service).splitlines() if line.strip() and not line.startswith("  ")]

    assert lines
    assert all({"time", "level", "service", "message"} <= json.loads(line).keys() for line in lines)


def test_network_of_inference_has_no_way_out(stack: ComposeStack) -> None:
    networks = stack.inspect("inference")["NetworkSettings"]["Networks"]
    done = subprocess.run(["docker", "network", "inspect", *networks], check=True, capture_output=True, text=True)

    assert [network["Internal"] for network in json.loads(done.stdout)] == [True]
