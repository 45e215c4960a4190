"""The table of topics: who publishes and who reads which message.

Topics have the shape `idc/v1/<site>/<device>/<noun>`; `<device>` is the sender of a message, or the
receiver of a command. Code builds topics only through this table, and the broker's access rules are generated from it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from idc_contracts.alarm import AcknowledgeAlarm, AlarmActed, AlarmState, SilenceAlarm, TestAlarm
from idc_contracts.base import Message, Slug
from idc_contracts.classification import PatchClassified
from idc_contracts.slides import SlideScreened
from idc_contracts.status import ServiceStatus

Account = Literal["gateway", "alarm", "operator"]
"""The broker's accounts: the two services, and the people and systems that use MQTT directly."""

_PREFIX: Final = "idc/v1"
_slug: Final = TypeAdapter(Slug)


@dataclass(frozen=True)
class Topic:
    """One row of the table."""

    noun: str
    message: type[Message]
    retained: bool
    producers: tuple[Account, ...]
    consumers: tuple[Account, ...]
    purpose: str
    clearers: tuple[Account, ...] = ()
    """Accounts other than the producers that may delete the retained message, by publishing an empty one."""
    qos: Literal[1] = 1

    @property
    def template(self) -> str:
        """The topic with its two parameters in braces."""
        return f"{_PREFIX}/{{site}}/{{device}}/{self.noun}"

    def at(self, *, site: str, device: str) -> str:
        """The topic of one device.

        Raises:
            pydantic.ValidationError: `site` or `device` is not a slug.
        """
        return f"{_PREFIX}/{_slug.validate_python(site)}/{_slug.validate_python(device)}/{self.noun}"

    def filter(self, *, site: str | None = None) -> str:
        """The subscription to all devices of one site, or of every site.

        Raises:
            pydantic.ValidationError: `site` is not a slug.
        """
        return f"{_PREFIX}/{'+' if site is None else _slug.validate_python(site)}/+/{self.noun}"

    def device_of(self, topic: str) -> str | None:
        """The device level of a concrete topic of this row.

        None for a topic of another row, or if a level is not a slug: no device can have such a name.
        """
        place = self.place_of(topic)
        return place[1] if place is not None and all(map(_is_slug, place)) else None

    def place_of(self, topic: str) -> tuple[str, str] | None:
        """The site and device levels of a concrete topic of this row; None for a topic of another row."""
        levels = topic.split("/")
        if len(levels) != 5 or "/".join(levels[:2]) != _PREFIX or levels[4] != self.noun:
            return None
        return levels[2], levels[3]


def _is_slug(level: str) -> bool:
    try:
        _slug.validate_python(level)
    except ValidationError:
        return False
    return True


@dataclass(frozen=True)
class ForeignTopic:
    """A topic that another system defines."""

    filter: str
    producers: tuple[Account, ...]
    consumers: tuple[Account, ...]
    purpose: str


CLASSIFICATIONS: Final = Topic(
    noun="classifications",
    message=PatchClassified,
    retained=False,
    producers=("gateway",),
    consumers=("alarm", "operator"),
    purpose="A patch was classified.",
)
SLIDES: Final = Topic(
    noun="slides",
    message=SlideScreened,
    retained=False,
    producers=("gateway",),
    consumers=("alarm", "operator"),
    purpose="A whole slide was screened.",
)
GATEWAY_STATUS: Final = Topic(
    noun="gateway-status",
    message=ServiceStatus,
    retained=True,
    producers=("gateway",),
    consumers=("alarm", "operator"),
    purpose="Whether a gateway is online.",
)
ALARM_STATUS: Final = Topic(
    noun="alarm-status",
    message=ServiceStatus,
    retained=True,
    producers=("alarm",),
    consumers=("gateway", "operator"),
    purpose="Whether an alarm is online.",
    clearers=("gateway",),
)
ALARM_STATE: Final = Topic(
    noun="alarm-state",
    message=AlarmState,
    retained=True,
    producers=("alarm",),
    consumers=("gateway", "operator"),
    purpose="An alarm's lamps and buzzer now.",
    clearers=("gateway",),
)
ALARM_ACKNOWLEDGEMENTS: Final = Topic(
    noun="alarm-acknowledgements",
    message=AcknowledgeAlarm,
    retained=False,
    producers=("gateway", "operator"),
    consumers=("alarm",),
    purpose="Acknowledges the findings of one alarm.",
)

ALARM_SILENCES: Final = Topic(
    noun="alarm-silences",
    message=SilenceAlarm,
    retained=False,
    producers=("gateway", "operator"),
    consumers=("alarm",),
    purpose="Silences one alarm's buzzer for some time.",
)
ALARM_TESTS: Final = Topic(
    noun="alarm-tests",
    message=TestAlarm,
    retained=False,
    producers=("gateway", "operator"),
    consumers=("alarm",),
    purpose="Starts the self-test of one alarm.",
)
ALARM_ACTIONS: Final = Topic(
    noun="alarm-actions",
    message=AlarmActed,
    retained=False,
    producers=("alarm",),
    consumers=("gateway", "operator"),
    purpose="An alarm's actions, with their latency.",
)

TOPICS: Final = (
    CLASSIFICATIONS,
    SLIDES,
    GATEWAY_STATUS,
    ALARM_STATUS,
    ALARM_STATE,
    ALARM_ACTIONS,
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_TESTS,
)


def is_retained(topic: str) -> bool:
    """Whether the broker keeps the messages of a concrete topic."""
    return any(row.retained and row.place_of(topic) for row in TOPICS)


# https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
HOME_ASSISTANT_DISCOVERY: Final = ForeignTopic(
    filter="homeassistant/device/+/config",
    producers=("alarm",),
    consumers=("operator",),
    purpose="Describes an alarm to Home Assistant, if enabled.",
)

FOREIGN_TOPICS: Final = (HOME_ASSISTANT_DISCOVERY,)
