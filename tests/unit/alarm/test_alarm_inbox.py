import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_alarm.errors import UnreadableMessage
from idc_alarm.link.inbox import Delivery, Received, read_event
from idc_alarm.machine.events import Classified, Commanded, GatewayForgotten, GatewayReported
from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_TESTS,
    CLASSIFICATIONS,
    GATEWAY_STATUS,
    SLIDES,
    ServiceStatus,
    SilenceAlarm,
    TestAlarm,
)
from support.alarm_messages import acknowledge, patch_classified, slide_screened

RESULT = CLASSIFICATIONS.at(site="site", device="gateway")
SLIDE = SLIDES.at(site="site", device="gateway")
STATUS = GATEWAY_STATUS.at(site="site", device="gateway")
BUTTON = ALARM_ACKNOWLEDGEMENTS.at(site="site", device="alarm")


def read(topic: str, payload: bytes) -> Received:
    return read_event(Delivery(topic, payload, 1))


def test_both_messages_are_read() -> None:
    finding, button = patch_classified("idc"), acknowledge()

    assert read(RESULT, finding.to_payload()) == Classified("site/gateway", finding, is_live=True)
    assert read(BUTTON, button.to_payload()) == Commanded(button)


def test_result_of_a_slide_is_read() -> None:
    screened = slide_screened("idc")

    assert read(SLIDE, screened.to_payload()) == Classified("site/gateway", screened, is_live=True)


def test_every_command_is_read() -> None:
    silence = SilenceAlarm(source="operator", by="nurse", duration_s=60)
    test = TestAlarm(source="operator", by="nurse")

    assert read(ALARM_SILENCES.at(site="site", device="alarm"), silence.to_payload()) == Commanded(silence)
    assert read(ALARM_TESTS.at(site="site", device="alarm"), test.to_payload()) == Commanded(test)


def test_status_of_a_gateway_is_read_and_a_deleted_one_is_forgotten() -> None:
    status = ServiceStatus(source="gateway", status="online", version="1")

    assert read(STATUS, status.to_payload()) == GatewayReported("site/gateway", status, is_live=True)
    assert read(STATUS, b"") == GatewayForgotten("site/gateway")


def test_unknown_fields_are_ignored() -> None:
    finding = patch_classified("idc")
    fields = json.loads(finding.to_payload()) | {"new_field": {"of": "a later version"}}

    assert read(RESULT, json.dumps(fields).encode()) == Classified("site/gateway", finding, is_live=True)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (RESULT, b""),
        (RESULT, b"\xff\xfe"),
        (RESULT, b"null"),
        (RESULT, b"[" * 5000),
        (RESULT, b'{"decision": "idc"}'),
        (RESULT, acknowledge().to_payload()),
        (RESULT, slide_screened("idc").to_payload()),
        (SLIDE, patch_classified("idc").to_payload()),
        (SLIDE, b""),
        (BUTTON, patch_classified("idc").to_payload()),
        (RESULT, patch_classified("idc").to_payload().replace(b'"idc",', b'"malignant",')),
        (RESULT, patch_classified("idc").to_payload().replace(b'"schema_version":1', b'"schema_version":2')),
        (STATUS, b"{}"),
        ("idc/v1/site/alarm/alarm-state", b"{}"),
        ("", b"{}"),
    ],
)
def test_message_that_does_not_fit_is_refused(topic: str, payload: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        read(topic, payload)


def test_refusal_does_not_quote_the_payload() -> None:
    payload = patch_classified("idc").to_payload().replace(b'"idc",', b'"Jane-Doe",')

    with pytest.raises(UnreadableMessage, match="decision: enum") as refusal:
        read(RESULT, payload)

    assert "Jane" not in str(refusal.value)


@given(payload=st.binary(max_size=300), topic=st.sampled_from([RESULT, SLIDE, BUTTON, STATUS]))
def test_random_bytes_are_refused(payload: bytes, topic: str) -> None:
    if topic == STATUS and not payload:
        return  # it deletes the retained one
    with pytest.raises(UnreadableMessage):
        read(topic, payload)


@given(
    mutation=st.dictionaries(
        st.sampled_from(sorted(json.loads(patch_classified("idc").to_payload()))),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        ),
        min_size=1,
    )
)
def test_mutated_message_is_read_or_refused_and_nothing_else(mutation: dict[str, object]) -> None:
    payload = json.dumps(json.loads(patch_classified("idc").to_payload()) | mutation).encode()

    try:
        event = read(RESULT, payload)
    except UnreadableMessage:
        return
    assert isinstance(event, Classified)
