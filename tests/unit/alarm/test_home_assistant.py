"""What Home Assistant gets: its buttons must be commands that the alarm reads, its sensors topics that it writes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from jinja2 import Environment

from idc_alarm.link.home_assistant import discovery, discovery_topic
from idc_alarm.link.inbox import Delivery, read_event
from idc_alarm.machine.events import Commanded
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


@pytest.mark.parametrize("button", ["acknowledge", "silence", "test"])
def test_press_brings_the_time_at_which_it_was_made(button: str) -> None:
    component = described()["components"][f"{button}_button"]
    environment = Environment(autoescape=False)
    environment.filters |= {"from_json": json.loads, "to_json": json.dumps}
    pressed_at = datetime(2026, 1, 2, 9, tzinfo=UTC)

    template = environment.from_string(component["command_template"])
    payload = template.render(value=component["payload_press"], utcnow=lambda: pressed_at)
    event = read_event(Delivery(component["command_topic"], payload.encode(), 1, is_live=False))

    assert isinstance(event, Commanded)
    assert event.message.sent_at == pressed_at
    assert "sent_at" in event.message.model_fields_set
    assert not event.is_live


def test_broker_keeps_neither_silence_nor_test_of_an_absent_alarm() -> None:
    components = described()["components"]

    assert [components[f"{name}_button"]["qos"] for name in ("acknowledge", "silence", "test")] == [1, 0, 0]
    assert not any(components[f"{name}_button"]["retain"] for name in ("acknowledge", "silence", "test"))


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


def test_name_says_that_it_is_not_a_medical_device() -> None:
    assert "not a medical device" in described()["device"]["name"]
