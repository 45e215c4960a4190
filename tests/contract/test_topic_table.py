"""The topic table, and the broker's access rules beside it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from idc_contracts import ALARM_STATE, FOREIGN_TOPICS, TOPICS, Topic

REPOSITORY = Path(__file__).parents[2]
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)


def _access_rules() -> set[tuple[str, str, str]]:
    """(account, right, filter) of every line of the broker's access file."""
    rules, account = set(), ""
    for line in (REPOSITORY / "broker/acl.conf").read_text().splitlines():
        words = line.split()
        if words[:1] == ["user"]:
            account = words[1]
        elif words[:1] == ["topic"]:
            rules.add((account, words[1], words[2]))
    return rules


def test_access_rules_are_the_topic_table_and_the_monitor() -> None:
    expected = {(account, "write", topic.filter()) for topic in TOPICS for account in topic.producers + topic.clearers}
    expected |= {(account, "read", topic.filter()) for topic in TOPICS for account in topic.consumers}
    expected |= {(account, "write", topic.filter) for topic in FOREIGN_TOPICS for account in topic.producers}
    expected |= {(account, "read", topic.filter) for topic in FOREIGN_TOPICS for account in topic.consumers}

    assert _access_rules() == expected | {("monitor", "read", "$SYS/#")}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.noun)
def test_every_topic_has_a_producer_and_another_consumer(topic: Topic) -> None:
    assert topic.producers
    assert set(topic.consumers) - set(topic.producers)


def test_nouns_are_unique() -> None:
    assert len({topic.noun for topic in TOPICS}) == len(TOPICS)


@given(site=slugs, device=slugs)
def test_site_and_device_are_read_back_from_a_built_topic(site: str, device: str) -> None:
    topic = ALARM_STATE.at(site=site, device=device)

    assert ALARM_STATE.device_of(topic) == device
    assert ALARM_STATE.place_of(topic) == (site, device)


@given(st.text())
def test_anything_but_a_slug_is_refused_as_a_device(device: str) -> None:
    try:
        topic = ALARM_STATE.at(site="site", device=device)
    except ValidationError:
        return
    assert topic.count("/") == 4
    assert not set("+#\0") & set(topic)


@pytest.mark.parametrize("topic", ["idc/v1/site/alarm", "idc/v2/site/alarm/alarm-state", "idc/v1/s/a/alarm-status", ""])
def test_foreign_topic_has_no_device(topic: str) -> None:
    assert ALARM_STATE.device_of(topic) is None


def test_filter_names_one_site_or_all() -> None:
    assert ALARM_STATE.filter(site="lab") == "idc/v1/lab/+/alarm-state"
    assert ALARM_STATE.filter() == "idc/v1/+/+/alarm-state"


@pytest.mark.parametrize("device", ["Kitchen", "a_b", "", "+", "#", "ä", "a b", "x" * 64])
def test_name_that_is_not_a_slug_is_not_a_device(device: str) -> None:
    assert ALARM_STATE.device_of(f"idc/v1/site/{device}/alarm-state") is None
    assert ALARM_STATE.device_of(f"idc/v1/{device}/alarm/alarm-state") is None


def test_only_what_is_retained_is_cleared() -> None:
    assert all(topic.retained for topic in TOPICS if topic.clearers)
