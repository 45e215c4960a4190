"""Messages survive the way over the broker, and old ones are still read."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from idc_contracts import TOPICS, AlarmState, Lamps, Message, PatchClassified, Reason, ServiceStatus, SilenceAlarm

SAMPLES = sorted((Path(__file__).parent / "samples/v1").glob("*.json"))
MODELS: dict[str, type[Message]] = {topic.message.__name__: topic.message for topic in TOPICS}


def test_every_message_has_a_sample() -> None:
    assert {path.stem for path in SAMPLES} == MODELS.keys()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_of_version_1_is_read_and_written_back_whole(path: Path) -> None:
    message = MODELS[path.stem].from_payload(path.read_bytes())

    assert json.loads(message.to_payload()) == json.loads(path.read_bytes())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_fits_the_committed_schema(path: Path) -> None:
    schema = json.loads((Path(__file__).parents[2] / f"packages/contracts/schemas/v1/{path.name}").read_bytes())

    Draft202012Validator(schema).validate(json.loads(path.read_bytes()))  # raises where it does not fit


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_field_of_a_newer_producer_is_ignored(path: Path) -> None:
    newer: dict[str, Any] = json.loads(path.read_bytes()) | {"added_later": {"a": 1}}

    message = MODELS[path.stem].from_payload(json.dumps(newer))

    assert "added_later" not in json.loads(message.to_payload())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_other_schema_version_is_refused(path: Path) -> None:
    other: dict[str, Any] = json.loads(path.read_bytes()) | {"schema_version": 2}

    with pytest.raises(ValidationError, match="schema_version"):
        MODELS[path.stem].from_payload(json.dumps(other))


@pytest.mark.parametrize(
    ("name", "added"),
    [
        ("AlarmState", {"state", "latched_since", "silenced_until", "technical", "offline_gateways"}),
        ("ServiceStatus", {"repeat_s"}),
        ("PatchClassified", {"reasons", "field", "um_per_px"}),
    ],
)
def test_message_of_an_older_producer_is_read(name: str, added: set[str]) -> None:
    path = next(path for path in SAMPLES if path.stem == name)
    older = {key: value for key, value in json.loads(path.read_bytes()).items() if key not in added}

    message = MODELS[name].from_payload(json.dumps(older))

    assert {key for key, value in json.loads(message.to_payload()).items() if key in added and value} == set()


def test_reason_that_only_a_newer_producer_gives_is_read() -> None:
    sample = json.loads(next(path for path in SAMPLES if path.stem == "PatchClassified").read_bytes())

    message = PatchClassified.from_payload(json.dumps(sample | {"reasons": ["little_tissue", "wrong_organ"]}))

    assert message.reasons == (Reason.LITTLE_TISSUE, "wrong_organ")


@pytest.mark.parametrize("duration_s", [0, -1, 3601, 1.5, "for ever"])
def test_silence_lasts_a_second_to_an_hour(duration_s: object) -> None:
    with pytest.raises(ValidationError, match="duration_s"):
        SilenceAlarm.model_validate({"source": "operator", "by": "nurse", "duration_s": duration_s})


def test_red_and_blue_together_are_not_a_valid_state() -> None:
    with pytest.raises(ValidationError, match="red and blue"):
        Lamps(red=True, blue=True)


def test_messages_are_immutable() -> None:
    state = AlarmState.from_payload(next(p for p in SAMPLES if p.stem == "AlarmState").read_bytes())

    with pytest.raises(ValidationError, match="frozen"):
        state.buzzer = False  # type: ignore[misc]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_moment_that_utc_cannot_name_is_refused(moment: str) -> None:
    with pytest.raises(ValidationError, match="in UTC"):
        ServiceStatus.model_validate({"source": "alarm", "status": "online", "version": "1", "sent_at": moment})


def test_moment_is_read_into_utc() -> None:
    status = ServiceStatus.model_validate(
        {"source": "alarm", "status": "online", "version": "1", "sent_at": "2026-11-23T10:00:00+02:00"}
    )

    assert status.sent_at.isoformat() == "2026-11-23T08:00:00+00:00"
