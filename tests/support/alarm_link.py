"""The alarm's link to a broker, driven by a test in place of the controller."""

import random
from collections.abc import Sequence

from idc_alarm.event_queue import EventQueue
from idc_alarm.link.backoff import Backoff
from idc_alarm.link.inbox import Delivery
from idc_alarm.link.mqtt_link import MqttLink
from idc_alarm.link.subscriptions import Place
from idc_servicekit.mqtt import MqttSettings


class DrivenLink(MqttLink):
    """A link with a queue of its own that reconnects quickly."""

    def __init__(
        self, settings: MqttSettings, site: str, sites: tuple[str, ...] = (), backoff: Backoff | None = None
    ) -> None:
        self.queue = EventQueue()
        backoff = backoff or Backoff(random.Random(1), first_s=0.02, longest_s=0.1)
        place = Place(site, "alarm", sites or (site,))
        super().__init__(settings, self.queue, place=place, version="1", backoff=backoff)

    def turn(self, timeout_s: float = 0.02) -> Sequence[Delivery]:
        """Do what is due, wait for what is next, and return what arrived."""
        self.move()
        self.queue.run(min(timeout_s, self.wait_s))
        return self.take()
