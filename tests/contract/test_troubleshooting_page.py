"""The log lines that the troubleshooting page explains are written by the code."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
PAGE: Final = (REPOSITORY / "docs/how-to/troubleshooting.md").read_text(encoding="utf-8")
OTHERS_WRITE: Final = {'service "bootstrap" didn\'t complete successfully', "non-printable ASCII characters"}
"""Lines of Docker."""
LINES: Final = sorted(set(re.findall(r"^\| `([^`]+ [^`]+)`", PAGE, re.MULTILINE)) - OTHERS_WRITE)


@cache
def sources() -> str:
    """The code, with texts over several lines put together."""
    folders = ("packages", "services", "broker")
    files = [file for folder in folders for kind in ("*.py", "*.sh") for file in (REPOSITORY / folder).rglob(kind)]
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(file.read_text(encoding="utf-8") for file in files))


@pytest.mark.parametrize("line", LINES)
def test_line_is_written_by_the_code(line: str) -> None:
    fixed = [part.strip(" :") for part in line.split("…")]

    assert [part for part in fixed if part not in sources()] == []
