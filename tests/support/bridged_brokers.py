"""Two real brokers of this machine, an edge's and its site's, with a line between them that can be cut."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idc_contracts import CLASSIFICATIONS
from support.mosquitto import MosquittoBroker
from support.session_client import SessionClient
from support.site_broker import SiteBroker, write_bridge
from support.uplink import Uplink

PLACE: Final = CLASSIFICATIONS.at(site="lab", device="gateway")


@dataclass(frozen=True)
class BridgedBrokers:
    """An edge broker, its site's broker, and the line between them."""

    edge: MosquittoBroker
    site: SiteBroker
    uplink: Uplink

    def publish(self, first: int, count: int) -> list[bytes]:
        """Publish numbered messages at the edge, and wait until its broker has confirmed each."""
        payloads = [str(number).encode() for number in range(first, first + count)]
        sender = SessionClient(self.edge.settings("gateway"), "gateway")
        for handed_in in [sender.publish(PLACE, payload) for payload in payloads]:
            handed_in.wait_for_publish(60)
        sender.leave()
        return payloads


@contextmanager
def bridged_brokers(folder: Path) -> Iterator[BridgedBrokers]:
    """Start both in folders of their own below `folder`, and end them."""
    for name in ("edge", "site"):
        (folder / name).mkdir()
    site = SiteBroker(folder / "site")
    site.start()
    uplink = Uplink(site.port)
    write_bridge(folder / "bridge.conf", site, uplink.port)
    edge = MosquittoBroker(folder / "edge", extra_configurations=(folder / "bridge.conf",))
    edge.start()
    try:
        yield BridgedBrokers(edge, site, uplink)
    finally:
        edge.stop()
        site.stop()
        uplink.close()
