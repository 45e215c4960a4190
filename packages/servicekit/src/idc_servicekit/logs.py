"""Logging of a process: JSON lines in containers, plain text for people."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal

from idc_servicekit.line_output import LineOutput

LogFormat = Literal["json", "text"]

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line; `extra` becomes fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(service: str, log_format: LogFormat, level: str = "INFO") -> None:
    """Send every logger of this process to standard output.

    Args:
        service: The service's name, a field of each JSON line.
        log_format: `json` or `text`.
        level: The least severe level that is written, by its standard name.
    """
    handler = LineOutput()
    if log_format == "json":
        handler.setFormatter(JsonFormatter(service))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Warnings of libraries (Pillow's, about a damaged image) become log lines.
    logging.captureWarnings(capture=True)
