"""Reads the messages that the alarm subscribes to."""

from dataclasses import dataclass
from typing import Final, TypeVar, cast

from pydantic import ValidationError

from idc_alarm.errors import UnreadableMessage
from idc_alarm.machine.events import Classified, Command, Commanded, GatewayForgotten, GatewayReported
from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_TESTS,
    CLASSIFICATIONS,
    GATEWAY_STATUS,
    SLIDES,
    PatchClassified,
    ServiceStatus,
    SlideScreened,
)
from idc_contracts.base import Message

MessageT = TypeVar("MessageT", bound=Message)
Received = Classified | Commanded | GatewayReported | GatewayForgotten

COMMANDS: Final = (ALARM_ACKNOWLEDGEMENTS, ALARM_SILENCES, ALARM_TESTS)


@dataclass(frozen=True)
class Delivery:
    """One message from the broker, not acknowledged yet.

    `is_live`: sent now, as far as is known: neither retained nor queued by the broker while the alarm was offline.
    `connection`: the number of the connection, the only one in which the packet id is valid.
    """

    topic: str
    payload: bytes
    packet_id: int
    is_live: bool = True
    connection: int = 0


def read_event(delivery: Delivery) -> Received:
    """The event in a message. Unknown fields are ignored.

    Raises:
        UnreadableMessage: The topic or payload is not valid. The text does not quote the payload.
    """
    topic, payload = delivery.topic, delivery.payload
    if place := CLASSIFICATIONS.place_of(topic):
        return Classified("/".join(place), _read(PatchClassified, payload), delivery.is_live)
    if place := SLIDES.place_of(topic):
        return Classified("/".join(place), _read(SlideScreened, payload), delivery.is_live)
    if place := GATEWAY_STATUS.place_of(topic):
        gateway = "/".join(place)
        # An empty retained message deletes the one before it (MQTT 5, 3.3.1.3).
        if not payload:
            return GatewayForgotten(gateway)
        return GatewayReported(gateway, _read(ServiceStatus, payload), delivery.is_live)
    for row in COMMANDS:
        if row.device_of(topic) is not None:
            return Commanded(cast(Command, _read(row.message, payload)), delivery.is_live)
    raise UnreadableMessage("the alarm does not read this topic")


def _read(message: type[MessageT], payload: bytes) -> MessageT:
    try:
        return message.from_payload(payload)
    except ValidationError as exc:
        problems = sorted({f"{'.'.join(map(str, item['loc'])) or 'payload'}: {item['type']}" for item in exc.errors()})
        raise UnreadableMessage(f"not a {message.__name__}: {', '.join(problems)}") from None
