"""The one table of topics: who publishes what, where and how, and who reads it.

Topics have the shape `idc/v1/<site>/<device>/<noun>`; `<device>` is the device that a message is from, or, for a
command, the device that it is for. Code builds a topic only through this table, and the broker's access rules are
tested against it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import TypeAdapter

from idc_contracts.alarm import AcknowledgeAlarm, AlarmState
from idc_contracts.base import Message, Slug
from idc_contracts.classification import PatchClassified
from idc_contracts.status import ServiceStatus

Account = Literal["gateway", "alarm", "operator"]
"""The broker's accounts: the two services, and the people who watch and acknowledge by MQTT."""

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
        """The device level of a concrete topic of this row; None where the topic is another row's."""
        levels = topic.split("/")
        if len(levels) != 5 or "/".join(levels[:2]) != _PREFIX or levels[4] != self.noun:
            return None
        return levels[3]


CLASSIFICATIONS: Final = Topic(
    noun="classifications",
    message=PatchClassified,
    retained=False,
    producers=("gateway",),
    consumers=("alarm", "operator"),
    purpose="A patch was classified.",
)
GATEWAY_STATUS: Final = Topic(
    noun="gateway-status",
    message=ServiceStatus,
    retained=True,
    producers=("gateway",),
    consumers=("alarm", "operator"),
    purpose="Whether a gateway is there.",
)
ALARM_STATUS: Final = Topic(
    noun="alarm-status",
    message=ServiceStatus,
    retained=True,
    producers=("alarm",),
    consumers=("gateway", "operator"),
    purpose="Whether an alarm is there.",
)
ALARM_STATE: Final = Topic(
    noun="alarm-state",
    message=AlarmState,
    retained=True,
    producers=("alarm",),
    consumers=("gateway", "operator"),
    purpose="An alarm's lamps and buzzer as they are.",
)
ALARM_ACKNOWLEDGEMENTS: Final = Topic(
    noun="alarm-acknowledgements",
    message=AcknowledgeAlarm,
    retained=False,
    producers=("gateway", "operator"),
    consumers=("alarm",),
    purpose="Tells one alarm that its finding was seen.",
)

TOPICS: Final = (CLASSIFICATIONS, GATEWAY_STATUS, ALARM_STATUS, ALARM_STATE, ALARM_ACKNOWLEDGEMENTS)
