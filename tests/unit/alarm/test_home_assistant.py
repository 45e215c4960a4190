"""What Home Assistant is told: its buttons must be commands that the alarm reads, its sensors topics that it writes."""

import json
from typing import Any

import pytest

from idc_alarm.adapters.home_assistant import discovery, discovery_topic
from idc_alarm.events import Commanded
from idc_alarm.inbox import read_event
from idc_alarm.ports import Delivery
from idc_contracts import ALARM_STATE, HOME_ASSISTANT_DISCOVERY


def described() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(discovery("lab", "alarm-2", "1.2.3"))
    return body


def test_topic_is_one_that_the_alarm_may_publish() -> None:
    topic = discovery_topic("lab", "alarm-2")

    assert topic == "homeassistant/device/idc-lab-alarm-2/config"
    before, after = HOME_ASSISTANT_DISCOVERY.filter.split("+")
    assert topic.startswith(before)
    assert topic.endswith(after)


@pytest.mark.parametrize(
    ("button", "command"), [("acknowledge", "acknowledge"), ("silence", "silence"), ("test", "test")]
)
def test_button_sends_a_command_that_the_alarm_reads(button: str, command: str) -> None:
    component = described()["components"][f"{button}_button"]

    event = read_event(Delivery(component["command_topic"], component["payload_press"].encode(), 1))

    assert isinstance(event, Commanded)
    assert event.message.command == command
    assert event.message.by == "Home Assistant"


def test_two_presses_are_two_commands() -> None:
    component = described()["components"]["acknowledge_button"]
    delivery = Delivery(component["command_topic"], component["payload_press"].encode(), 1)

    first, second = read_event(delivery), read_event(delivery)

    assert isinstance(first, Commanded)
    assert isinstance(second, Commanded)
    assert first.message.message_id != second.message.message_id


def test_sensors_read_the_retained_state_and_have_names_of_their_own() -> None:
    components = described()["components"]
    sensors = {name: part for name, part in components.items() if part["platform"] != "button"}

    assert set(sensors) == {"red", "amber", "blue", "buzzer", "problem", "state"}
    assert {part["state_topic"] for part in sensors.values()} == {ALARM_STATE.at(site="lab", device="alarm-2")}
    assert len({part["unique_id"] for part in components.values()}) == len(components)


def test_name_says_that_it_is_no_medical_device() -> None:
    assert "not a medical device" in described()["device"]["name"]
