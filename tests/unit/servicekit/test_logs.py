import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
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


def _written(capsys: pytest.CaptureFixture[str]) -> str:
    for handler in logging.getLogger().handlers:
        handler.flush()
    return capsys.readouterr().out


def test_json_log_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json")

    LOGGER.info("two\nlines by %s", "one call", extra={"message_id": UUID(int=7), "duration_ms": 1.5})

    (line,) = _written(capsys).splitlines()
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

    record = json.loads(_written(capsys))
    assert "SystemExit: the reason" in record["exception"]


def test_level_hides_what_is_less_severe(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json", "WARNING")

    LOGGER.info("quiet")
    LOGGER.warning("loud")

    assert [json.loads(line)["message"] for line in _written(capsys).splitlines()] == ["loud"]


def test_text_log_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "text")

    LOGGER.warning("broker lost")

    assert _written(capsys).endswith("WARNING idc_tests.logs: broker lost\n")


def test_second_call_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "text")
    configure_logging("alarm", "json")

    LOGGER.info("once")

    assert len(_written(capsys).splitlines()) == 1


def test_warning_of_a_library_is_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("alarm", "json")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn_explicit("damaged tags", UserWarning, "library.py", 7)

    assert "damaged tags" in json.loads(_written(capsys))["message"]


def test_output_that_no_one_reads_holds_up_nothing_and_what_was_dropped_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reader:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.FileIO(write_end, "w", closefd=False)))
        configure_logging("alarm", "json")

        def log_much() -> None:
            for _ in range(12_000):
                LOGGER.info("x" * 100)

        logging_thread = Thread(target=log_much, daemon=True)
        logging_thread.start()
        logging_thread.join(timeout=60)
        assert not logging_thread.is_alive()

        messages = (json.loads(line)["message"] for line in reader)
        told = next(message for message in messages if not message.startswith("x"))
    assert "log lines were dropped: the output was not read" in told


def test_output_that_fails_costs_its_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full_disk:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(full_disk))
        configure_logging("alarm", "json")

        LOGGER.info("lost")

        logging.getLogger().handlers[0].flush()
