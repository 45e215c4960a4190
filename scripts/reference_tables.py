"""What the generated pages share: where they are, their notice, and tables."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
REFERENCE: Final = ROOT / "docs/reference"
NOTICE: Final = "<!-- generated from the code by `make schemas`: edit the code, not this page -->"


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; `head` names the columns, separated by bars."""
    columns = [name.strip() for name in head.split("|")]
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    """Text as it stands in a table: bars escaped, and `<name>` outside of code kept from being read as HTML."""
    parts = text.replace("|", r"\|").split("`")
    return "`".join(part if number % 2 else re.sub("<(?!br>)", "&lt;", part) for number, part in enumerate(parts))
