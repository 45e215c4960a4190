"""Reads the documents for people: their commands and links."""

import re
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
DOCUMENTS: Final = tuple(
    sorted(
        path
        for pattern in (
            "*.md",
            "docs/**/*.md",
            "services/*/README.md",
            "packages/*/README.md",
            "broker/*.md",
            "k8s/*.md",
        )
        for path in REPOSITORY.glob(pattern)
    )
)
_SHELL: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_FENCED: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[str]:
    """The commands of a document's `sh` blocks, each on one line, without remarks."""
    found = []
    for block in _SHELL.findall(path.read_text(encoding="utf-8")):
        text = block.replace("\\\n", " ")
        # a message over two lines belongs to the command above it
        text = re.sub(r",\n +", ", ", text)
        lines = (re.sub(r"\s+# .*$", "", line) for line in text.splitlines())
        found += [" ".join(line.split()) for line in lines if line.strip() and not line.startswith("#")]
    return found


def prose(path: Path) -> list[str]:
    """A document's lines but for code, tables and headings."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if not line.startswith(("|", "#", "![", "<!--"))]


def links(path: Path) -> list[str]:
    """The links of a document that lead to other files of the project."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """The places of a document that a link may name."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
