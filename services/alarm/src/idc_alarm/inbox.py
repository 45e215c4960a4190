"""Reads the messages that the alarm subscribes to."""

from pydantic import ValidationError

from idc_alarm.errors import UnreadableMessage
from idc_alarm.policy import Event
from idc_contracts import ALARM_ACKNOWLEDGEMENTS, CLASSIFICATIONS, AcknowledgeAlarm, PatchClassified


def read_event(topic: str, payload: bytes) -> Event:
    """The event that a message carries. Fields that are not known are ignored.

    Raises:
        UnreadableMessage: The topic is another's, or the payload does not fit it. The text holds no payload.
    """
    message: type[PatchClassified | AcknowledgeAlarm]
    if CLASSIFICATIONS.device_of(topic) is not None:
        message = PatchClassified
    elif ALARM_ACKNOWLEDGEMENTS.device_of(topic) is not None:
        message = AcknowledgeAlarm
    else:
        raise UnreadableMessage("the alarm reads no such topic")
    try:
        return message.from_payload(payload)
    except ValidationError as exc:
        problems = sorted({f"{'.'.join(map(str, item['loc'])) or 'payload'}: {item['type']}" for item in exc.errors()})
        raise UnreadableMessage(f"not a {message.__name__}: {', '.join(problems)}") from None
