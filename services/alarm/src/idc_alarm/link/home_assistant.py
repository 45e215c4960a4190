"""Describes the alarm to Home Assistant, so that lamps, buzzer and buttons appear there.

Format: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

import json
from typing import Any, Final

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_STATE,
    ALARM_STATUS,
    ALARM_TESTS,
    HOME_ASSISTANT_DISCOVERY,
    Topic,
)

_SILENCE_S: Final = 600
_NOW_OR_NEVER: Final = 0
"""MQTT's quality of service for commands that expire: the broker does not keep them for an absent alarm."""
_BUTTONS: Final[tuple[tuple[str, str, Topic, int, dict[str, Any]], ...]] = (
    ("acknowledge", "Acknowledge", ALARM_ACKNOWLEDGEMENTS, ALARM_ACKNOWLEDGEMENTS.qos, {}),
    ("silence", "Silence", ALARM_SILENCES, _NOW_OR_NEVER, {"duration_s": _SILENCE_S}),
    ("test", "Self-test", ALARM_TESTS, _NOW_OR_NEVER, {}),
)
_WITH_TIME: Final = "{{ dict(value | from_json, sent_at=utcnow().isoformat()) | to_json }}"
"""Home Assistant adds when the button was pressed, so that a late command is known to be old."""
_OUTPUTS: Final = (
    ("red", "Finding (red lamp)", "value_json.lamps.red"),
    ("amber", "Review or technical (amber lamp)", "value_json.lamps.amber"),
    ("blue", "Clear (blue lamp)", "value_json.lamps.blue"),
    ("buzzer", "Buzzer", "value_json.buzzer"),
    ("problem", "Technical problem", "value_json.technical | count > 0"),
)


def discovery_topic(site: str, device: str) -> str:
    """Where Home Assistant looks for the description."""
    return HOME_ASSISTANT_DISCOVERY.filter.replace("+", f"idc-{site}-{device}")


def discovery(site: str, device: str, version: str) -> bytes:
    """The description as UTF-8 JSON: five sensors, the state's name, and three buttons."""
    identity = f"idc-{site}-{device}"
    state = ALARM_STATE.at(site=site, device=device)
    components = {name: _sensor(identity, name, title, expression, state) for name, title, expression in _OUTPUTS}
    components["state"] = {
        "platform": "sensor",
        "name": "State",
        "unique_id": f"{identity}-state",
        "state_topic": state,
        "value_template": "{{ value_json.state }}",
    }
    for name, title, topic, qos, fields in _BUTTONS:
        components[f"{name}_button"] = {
            "platform": "button",
            "name": title,
            "unique_id": f"{identity}-{name}",
            "command_topic": topic.at(site=site, device=device),
            "payload_press": json.dumps({"source": "home-assistant", "by": "Home Assistant", **fields}),
            "command_template": _WITH_TIME,
            "qos": qos,
            "retain": False,
        }
    body = {
        "device": {
            "identifiers": [identity],
            "name": f"IDC Sentinel alarm {device} ({site}), research use only, not a medical device",
            "sw_version": version,
        },
        "origin": {"name": "idc-sentinel", "sw_version": version},
        "availability": [
            {"topic": ALARM_STATUS.at(site=site, device=device), "value_template": "{{ value_json.status }}"}
        ],
        "components": components,
    }
    return json.dumps(body).encode()


def _sensor(identity: str, name: str, title: str, expression: str, topic: str) -> dict[str, Any]:
    sensor = {
        "platform": "binary_sensor",
        "name": title,
        "unique_id": f"{identity}-{name}",
        "state_topic": topic,
        "value_template": f"{{{{ 'ON' if {expression} else 'OFF' }}}}",
    }
    return sensor | ({"device_class": "problem"} if name == "problem" else {})
