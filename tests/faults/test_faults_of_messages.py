"""Malformed and hostile messages on every topic, and garbage instead of MQTT."""

import contextlib
import random
import socket
from collections.abc import Callable

import pytest

from idc_contracts import TOPICS, Topic
from support.compose_stack import SERVICES
from support.eventually import wait_until
from support.fault_report import FaultRow
from support.fault_scene import FaultScene
from support.hostile_payloads import hostile_payloads
from support.session_client import SessionClient

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]

SEED = 20181
DAMAGED_COPIES = 100
DEVICES = {"gateway": ("gateway", "made-up"), "alarm": ("alarm", "made-up"), "operator": ("alarm", "made-up")}
PACKETS_WITHOUT_SENSE = 200


def _send_hostile_messages(scene: FaultScene) -> int:
    """Send everything on every topic, as every account that may write there."""
    rng = random.Random(SEED)
    handed_in = []
    for account, devices in DEVICES.items():
        sender = SessionClient(scene.stack.mqtt_settings(account), f"hostile-{account}")
        for topic in (topic for topic in TOPICS if account in topic.producers):
            for place in _places(topic, devices):
                handed_in += [
                    sender.publish(place, payload, retain=topic.retained)
                    for payload in hostile_payloads(topic.message.__name__, rng, damaged=DAMAGED_COPIES)
                ]
        for message in handed_in:
            message.wait_for_publish(60)
        sender.leave()
    return len(handed_in)


def _places(topic: Topic, devices: tuple[str, ...]) -> list[str]:
    return [topic.at(site="site", device=device) for device in devices]


def _send_garbage(scene: FaultScene) -> None:
    """Speak TLS, and then anything but MQTT."""
    rng = random.Random(SEED)
    context = scene.stack.mqtt_settings("operator").tls_context()
    for _ in range(PACKETS_WITHOUT_SENSE):
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("localhost", scene.stack.mqtt_port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            # half of them begin as a CONNECT does, with a length of their own
            start = bytes([0x10]) if rng.random() < 0.5 else b""
            secured.sendall(start + rng.randbytes(rng.randint(1, 2000)))
            # what looks like half a packet is waited for, and gets no answer
            secured.settimeout(0.1)
            secured.recv(100)


def test_malformed_and_hostile_messages_on_every_topic(scene: FaultScene, report: Report) -> None:
    before = {service: scene.stack.inspect(service)["State"]["StartedAt"] for service in SERVICES}

    sent = _send_hostile_messages(scene)
    _send_garbage(scene)
    scene.stack.start(build=False)
    accepted = scene.post(20)
    started = {service: scene.stack.inspect(service)["State"]["StartedAt"] for service in SERVICES}
    assert started == before, "a hostile message ended a service"

    row = scene.count(
        "malformed and hostile messages",
        accepted,
        f"{sent:,} messages on {len(TOPICS)} topics, {PACKETS_WITHOUT_SENSE} connections of garbage; "
        f"nothing restarted; the alarm counted {_rejected(scene)} as unreadable",
    )
    report(row)
    wait_until(lambda: scene.alarm_state().lamps.red, "the real finding is shown")


def _rejected(scene: FaultScene) -> int:
    wait_until(lambda: scene.alarm_state().rejected_messages > 0, "the alarm counts what it cannot read", 60)
    return scene.alarm_state().rejected_messages
