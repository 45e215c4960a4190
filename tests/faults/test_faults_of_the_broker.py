"""The broker is killed, or shows a certificate that is over."""

import socket
import ssl
import threading
import time
from collections.abc import Callable

import pytest

from support.eventually import wait_until
from support.fault_report import FaultRow
from support.fault_scene import FaultScene

pytestmark = pytest.mark.faults
Report = Callable[[FaultRow], None]

AWAY_S = 60.0
EXPIRED_CERTIFICATE = r"""
set -eu; umask 077; cd /secrets/broker
printf 'subjectAltName=DNS:broker,DNS:localhost\nextendedKeyUsage=serverAuth\n' > /tmp/ext
openssl req -new -key server.key -subj /CN=broker -out /tmp/csr
openssl x509 -req -in /tmp/csr -CA /secrets/ca/ca.crt -CAkey /secrets/ca/ca.key -sha256 -extfile /tmp/ext \
    -not_before 20200101000000Z -not_after 20200201000000Z -set_serial 7 -out server.crt.new
chmod 400 server.crt.new; mv -f server.crt.new server.crt
"""


def _shake_hands(scene: FaultScene) -> None:
    context = scene.stack.mqtt_settings("operator").tls_context()
    with (
        socket.create_connection(("localhost", scene.stack.mqtt_port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


def test_broker_killed_for_a_minute_during_100_findings(scene: FaultScene, report: Report) -> None:
    waiting: list[int] = []

    def break_and_mend() -> None:
        time.sleep(10)
        scene.stack.kill("broker")
        time.sleep(AWAY_S)
        waiting.append(len(scene.stored() - scene.published()))
        scene.stack.restart("broker")

    breaker = threading.Thread(target=break_and_mend)
    breaker.start()
    accepted = scene.post(100, pace_s=0.8)
    breaker.join(timeout=180)

    seen = f"{waiting[0]} findings waited in the outbox at the end of the minute"
    report(scene.count("broker killed for 60 s during 100 findings", accepted, seen))
    assert waiting[0] > 0
    assert scene.alarm_state().lamps.red


def test_expired_certificate_of_the_broker(scene: FaultScene, report: Report) -> None:
    accepted = scene.post(10)
    scene.stack.compose("run", "--rm", "--no-deps", "-T", "bootstrap", "sh", "-c", EXPIRED_CERTIFICATE)
    scene.stack.compose("kill", "--signal", "HUP", "broker")
    accepted += scene.post(10)
    # connections that stand go on under the old one: only a restart makes everyone look at the new one
    scene.stack.kill("broker")
    scene.stack.restart("broker")
    wait_until(lambda: "certificate has expired" in scene.stack.logs("alarm"), "the alarm says what is wrong", 60)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _shake_hands(scene)
    accepted += scene.post(20)
    waiting = len(set(accepted) - scene.published())
    assert waiting >= 20

    scene.stack.compose("run", "--rm", "--no-deps", "-T", "bootstrap", "bootstrap.sh", "/secrets", "rotate")
    scene.stack.compose("kill", "--signal", "HUP", "broker")

    row = scene.count(
        "expired certificate", accepted, f"{waiting} results waited in the outbox until the certificate was rotated"
    )
    report(row)
