import json
import logging
import sys
import warnings
from collections.abc import Iterator
from uuid import UUID

import pytest

from idc_servicekit.logs import configure_logging

LOGGER = logging.getLogger("idc_tests.logs")


@pytest.fixture(autouse=True)
def _restore_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_json_log_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json")

    LOGGER.info("two\nlines by %s", "one call", extra={"message_id": UUID(int=7), "duration_ms": 1.5})

    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert record["message"] == "two\nlines by one call"
    assert record["level"] == "info"
    assert record["service"] == "alarm"
    assert record["logger"] == "idc_tests.logs"
    assert record["message_id"] == str(UUID(int=7))
    assert record["duration_ms"] == 1.5
    assert record["time"].endswith("+00:00")


def test_json_log_holds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json")

    try:
        sys.exit("the reason")
    except SystemExit:
        LOGGER.exception("failed")

    record = json.loads(capsys.readouterr().out)
    assert "SystemExit: the reason" in record["exception"]


def test_level_hides_what_is_less_severe(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json", "WARNING")

    LOGGER.info("quiet")
    LOGGER.warning("loud")

    assert [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()] == ["loud"]


def test_text_log_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "text")

    LOGGER.warning("broker lost")

    assert capsys.readouterr().out.endswith("WARNING idc_tests.logs: broker lost\n")


def test_second_call_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "text")
    configure_logging("alarm", "json")

    LOGGER.info("once")

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_warning_of_a_library_is_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn_explicit("damaged tags", UserWarning, "library.py", 7)

    assert "damaged tags" in json.loads(capsys.readouterr().out)["message"]
