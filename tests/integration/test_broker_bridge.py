"""Two real brokers and the bridge of broker/bridge.example.conf: what happens at an edge reaches its site."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from idc_contracts import ALARM_ACKNOWLEDGEMENTS, ALARM_STATE, CLASSIFICATIONS
from support.compose_stack import wait_until
from support.mosquitto import MosquittoBroker
from support.session_client import SessionClient, is_let_in
from support.site_broker import SiteBroker, write_bridge
from support.uplink import Uplink

pytestmark = pytest.mark.integration
PLACE = CLASSIFICATIONS.at(site="lab", device="gateway")
QUEUED = 500


@dataclass(frozen=True)
class BridgedBrokers:
    """An edge broker, its site's broker, and the line between them."""

    edge: MosquittoBroker
    site: SiteBroker
    uplink: Uplink

    def publish(self, first: int, count: int) -> list[bytes]:
        """Publish numbered messages at the edge, each confirmed by its broker."""
        payloads = [str(number).encode() for number in range(first, first + count)]
        sender = SessionClient(self.edge.settings("gateway"), "gateway")
        for handed_in in [sender.publish(PLACE, payload) for payload in payloads]:
            handed_in.wait_for_publish(20)
        sender.leave()
        return payloads


@pytest.fixture
def bridged(tmp_path: Path) -> Iterator[BridgedBrokers]:
    """Two running brokers."""
    for name in ("edge", "site"):
        (tmp_path / name).mkdir()
    site = SiteBroker(tmp_path / "site")
    site.start()
    uplink = Uplink(site.port)
    write_bridge(tmp_path / "bridge.conf", site, uplink.port)
    edge = MosquittoBroker(tmp_path / "edge", extra_configurations=(tmp_path / "bridge.conf",))
    edge.start()
    yield BridgedBrokers(edge, site, uplink)
    edge.stop()
    site.stop()
    uplink.close()


def test_what_happens_while_the_uplink_is_cut_reaches_the_site_later(bridged: BridgedBrokers) -> None:
    reader = SessionClient(bridged.site.settings("operator"), "reader", CLASSIFICATIONS.filter(site="lab"))
    sent = bridged.publish(0, 5)
    wait_until(lambda: set(sent) <= set(reader.payloads), "the first messages reach the site", 20)

    bridged.uplink.cut()
    sent += bridged.publish(5, QUEUED)
    assert len(set(reader.payloads)) == 5
    # the queue outlives a restart of the edge in the middle of the cut
    bridged.edge.stop()
    bridged.edge.start()
    sent += bridged.publish(5 + QUEUED, 5)
    bridged.uplink.mend()

    wait_until(lambda: set(sent) <= set(reader.payloads), "everything reaches the site", 40)
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

    wait_until(reaches_a_late_reader, "a late reader at the site gets the state", 20)


def test_edge_account_commands_nothing_and_reads_nothing_at_the_site(bridged: BridgedBrokers) -> None:
    assert is_let_in(bridged.site.edge_settings())
    intruder = SessionClient(bridged.site.edge_settings(), "intruder", "#")
    reader = SessionClient(bridged.site.settings("operator"), "reader", "idc/#")

    intruder.deliver(CLASSIFICATIONS.at(site="elsewhere", device="gateway"), b"forged")
    intruder.deliver(PLACE, b"own")

    wait_until(lambda: b"own" in reader.payloads, "the edge's own message is read", 10)
    assert b"forged" not in reader.payloads
    assert intruder.received == []
    for client in (intruder, reader):
        client.leave()
