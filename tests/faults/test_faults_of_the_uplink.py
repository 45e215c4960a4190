"""A day without the uplink from an edge's broker to its site's: as many messages as the broker holds."""

import pytest

from idc_contracts import CLASSIFICATIONS
from support.bridged_brokers import BridgedBrokers
from support.eventually import wait_until
from support.session_client import SessionClient

pytestmark = pytest.mark.faults
HELD = 20_000
"""`max_queued_messages` of broker/mosquitto.conf, the day that docs/explanation/broker.md reckons with."""


def test_a_days_messages_reach_the_site_when_the_uplink_is_back(bridged: BridgedBrokers) -> None:
    reader = SessionClient(bridged.site.settings("operator"), "reader", CLASSIFICATIONS.filter(site="lab"))
    sent = bridged.publish(0, 5)
    wait_until(lambda: set(sent) <= set(reader.payloads), "the first messages reach the site")

    bridged.uplink.cut()
    sent += bridged.publish(5, HELD - 5)
    bridged.uplink.mend()

    wait_until(lambda: set(sent) <= set(reader.payloads), "everything reaches the site", 120)
    assert list(dict.fromkeys(reader.payloads)) == sent
    reader.leave()
