"""The security page names tests; each of them is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_security_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/explanation/security.md").read_text()))
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    defined = {name for text in texts for name in re.findall(r"def (test_\w+)\(", text)}

    assert len(named) > 40
    assert named <= defined


def test_the_page_walks_through_all_ten_points() -> None:
    headings = re.findall(r"^### API(\d+) ", (ROOT / "docs/explanation/security.md").read_text(), flags=re.MULTILINE)

    assert headings == [str(number) for number in range(1, 11)]
