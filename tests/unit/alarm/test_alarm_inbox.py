import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_alarm.errors import UnreadableMessage
from idc_alarm.inbox import read_event
from idc_contracts import ALARM_ACKNOWLEDGEMENTS, CLASSIFICATIONS
from support.alarm_messages import acknowledge, patch_classified

RESULT = CLASSIFICATIONS.at(site="site", device="gateway")
BUTTON = ALARM_ACKNOWLEDGEMENTS.at(site="site", device="alarm")


def test_both_messages_are_read() -> None:
    finding, button = patch_classified("idc"), acknowledge()

    assert read_event(RESULT, finding.to_payload()) == finding
    assert read_event(BUTTON, button.to_payload()) == button


def test_unknown_fields_are_ignored() -> None:
    finding = patch_classified("idc")
    fields = json.loads(finding.to_payload()) | {"new_field": {"of": "a later version"}}

    assert read_event(RESULT, json.dumps(fields).encode()) == finding


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (RESULT, b""),
        (RESULT, b"\xff\xfe"),
        (RESULT, b"null"),
        (RESULT, b"[" * 5000),
        (RESULT, b'{"decision": "idc"}'),
        (RESULT, acknowledge().to_payload()),
        (BUTTON, patch_classified("idc").to_payload()),
        (RESULT, patch_classified("idc").to_payload().replace(b'"idc",', b'"malignant",')),
        (RESULT, patch_classified("idc").to_payload().replace(b'"schema_version":1', b'"schema_version":2')),
        ("idc/v1/site/gateway/gateway-status", b"{}"),
        ("", b"{}"),
    ],
)
def test_message_that_does_not_fit_is_refused(topic: str, payload: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        read_event(topic, payload)


def test_refusal_does_not_quote_the_payload() -> None:
    payload = patch_classified("idc").to_payload().replace(b'"idc",', b'"Jane-Doe",')

    with pytest.raises(UnreadableMessage, match="decision: enum") as refusal:
        read_event(RESULT, payload)

    assert "Jane" not in str(refusal.value)


@given(payload=st.binary(max_size=300), topic=st.sampled_from([RESULT, BUTTON]))
def test_random_bytes_are_refused(payload: bytes, topic: str) -> None:
    with pytest.raises(UnreadableMessage):
        read_event(topic, payload)


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
        event = read_event(RESULT, payload)
    except UnreadableMessage:
        return
    assert event.message_id
