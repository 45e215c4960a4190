"""Two real brokers and the bridge of broker/bridge.example.conf: what happens at an edge reaches its site."""

import pytest

from idc_contracts import ALARM_ACKNOWLEDGEMENTS, ALARM_STATE, CLASSIFICATIONS
from support.bridged_brokers import PLACE, BridgedBrokers
from support.eventually import wait_until
from support.session_client import SessionClient, is_let_in

pytestmark = pytest.mark.integration
QUEUED = 500


def test_what_happens_while_the_uplink_is_cut_reaches_the_site_later(bridged: BridgedBrokers) -> None:
    reader = SessionClient(bridged.site.settings("operator"), "reader", CLASSIFICATIONS.filter(site="lab"))
    sent = bridged.publish(0, 5)
    wait_until(lambda: set(sent) <= set(reader.payloads), "the first messages reach the site")

    bridged.uplink.cut()
    sent += bridged.publish(5, QUEUED)
    assert len(set(reader.payloads)) == 5
    # the queue outlives a restart of the edge in the middle of the cut
    bridged.edge.stop()
    bridged.edge.start()
    sent += bridged.publish(5 + QUEUED, 5)
    bridged.uplink.mend()

    wait_until(lambda: set(sent) <= set(reader.payloads), "everything reaches the site")
    first_arrivals = list(dict.fromkeys(reader.payloads))
    assert first_arrivals == sent
    reader.leave()


def test_retained_state_of_an_edge_is_retained_at_the_site(bridged: BridgedBrokers) -> None:
    place = ALARM_STATE.at(site="lab", device="alarm")
    alarm = SessionClient(bridged.edge.settings("alarm"), "alarm")
    alarm.publish(place, b"lit", retain=True).wait_for_publish(20)
    alarm.leave()

    def reaches_a_late_reader() -> bool:
        late = SessionClient(bridged.site.settings("operator"), "late", place)
        late.publish(ALARM_ACKNOWLEDGEMENTS.at(site="lab", device="alarm"), b"").wait_for_publish(20)
        late.leave()
        return late.payloads[:1] == [b"lit"]

    wait_until(reaches_a_late_reader, "a late reader at the site gets the state")


def test_edge_account_commands_nothing_and_reads_nothing_at_the_site(bridged: BridgedBrokers) -> None:
    assert is_let_in(bridged.site.edge_settings())
    intruder = SessionClient(bridged.site.edge_settings(), "intruder", "#")
    reader = SessionClient(bridged.site.settings("operator"), "reader", "idc/#")

    intruder.deliver(CLASSIFICATIONS.at(site="elsewhere", device="gateway"), b"forged")
    intruder.deliver(PLACE, b"own")

    wait_until(lambda: b"own" in reader.payloads, "the edge's own message is read")
    assert b"forged" not in reader.payloads
    assert intruder.received == []
    for client in (intruder, reader):
        client.leave()
