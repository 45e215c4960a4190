"""What the alarm subscribes to: the gateways of its sites, and its own commands."""

from dataclasses import dataclass
from typing import Final

from paho.mqtt.subscribeoptions import SubscribeOptions

from idc_alarm.link.inbox import COMMANDS
from idc_alarm.link.mqtt_client import EVENT_OPTIONS, STATE_OPTIONS
from idc_contracts import CLASSIFICATIONS, GATEWAY_STATUS, SLIDES

_RESULTS: Final = (CLASSIFICATIONS, SLIDES)


@dataclass(frozen=True)
class Place:
    """The alarm's place in the topics, and the sites that it hears."""

    site: str
    device: str
    sites: tuple[str, ...]


def subscriptions(place: Place) -> list[tuple[str, SubscribeOptions]]:
    """Every topic filter, with its options."""
    events = [topic.filter(site=site) for site in place.sites for topic in _RESULTS]
    events += [topic.at(site=place.site, device=place.device) for topic in COMMANDS]
    states = [GATEWAY_STATUS.filter(site=site) for site in place.sites]
    return [(topic, EVENT_OPTIONS) for topic in events] + [(topic, STATE_OPTIONS) for topic in states]


def filters_of(site: str) -> list[str]:
    """The filters of one site's gateways."""
    return [topic.filter(site=site) for topic in (*_RESULTS, GATEWAY_STATUS)]


def foreign_site(topic: str, place: Place) -> str | None:
    """The site of a gateway's message, where the alarm does not hear that site."""
    places = (row.place_of(topic) for row in (*_RESULTS, GATEWAY_STATUS))
    named = next((place for place in places if place is not None), None)
    return named[0] if named is not None and named[0] not in place.sites else None
