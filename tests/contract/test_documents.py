"""The documents' commands are known to work, and their links lead somewhere."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from idc_trainer.data.source import PatientsFrom
from support.documents import DOCUMENTS, REPOSITORY, anchors, commands, links, prose

NOT_WRAPPED = {"CHANGELOG.md"}
OWN = [path for path in DOCUMENTS if path.is_relative_to(REPOSITORY / "docs") or path.parent == REPOSITORY]
BULLET = re.compile(r" *(?:[-*] |\d+\. )?")
UNIT = re.compile(r"(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+")
"""What stays on one line: a word, a piece of code, a link."""
LISTED = Path(__file__).with_name("documented_commands.txt")
KEPT_IN_THE_LIST = [
    path
    for path in DOCUMENTS
    if path.parent == REPOSITORY or path.relative_to(REPOSITORY).parts[0] in ("docs", "broker")
]


def listed() -> Iterator[tuple[str, str]]:
    """Each command of the list, with what shows that it works."""
    shown_by = ""
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            shown_by = line[1:-1]
        elif line and not line.startswith("#"):
            yield shown_by, line


def test_every_documented_command_stands_in_the_list_and_no_other() -> None:
    documented = {command for path in KEPT_IN_THE_LIST for command in commands(path)}
    known = {command for _, command in listed()}

    assert documented - known == set(), f"run these, and add them to {LISTED.name}"
    assert known - documented == set(), f"no document has these any more: remove them from {LISTED.name}"


def test_documents_name_only_patient_layouts_that_the_trainer_knows() -> None:
    named = {way for path in DOCUMENTS for way in re.findall(r"--patient-from[ =]([a-z]+)", path.read_text("utf-8"))}

    assert named
    assert named <= {way.value for way in PatientsFrom}


@pytest.mark.parametrize("shown_by", sorted({shown_by for shown_by, _ in listed() if "/" in shown_by}))
def test_test_that_runs_documented_commands_exists(shown_by: str) -> None:
    path, _, name = shown_by.partition("::")

    text = (REPOSITORY / path).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(async )?def {name}\(", text, re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    dead = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.is_relative_to(REPOSITORY / "docs")], ids=str)
def test_page_is_reached_from_the_first_page(path: Path) -> None:
    assert path in _reached_from(REPOSITORY / "docs/index.md")


@cache
def _reached_from(start: Path) -> set[Path]:
    found, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        new = {target for target in targets if target.suffix == ".md" and target.is_file()} - found
        found |= new
        waiting += new
    return found


def test_prose_wraps_at_100_characters() -> None:
    too_long = [
        f"{path.relative_to(REPOSITORY)}: {line[:60]}…"
        for path in OWN
        if path.name not in NOT_WRAPPED
        for line in prose(path)
        if len(line) > 100 and " " in line[:100].strip()
    ]

    assert too_long == []


def test_paragraphs_have_no_line_that_ends_early_or_is_indented_otherwise() -> None:
    broken = [
        f"{path.relative_to(REPOSITORY)}: {line}"
        for path in OWN
        for line, following in pairwise(prose(path))
        if _continues(line, following) and (_ends_early(line, following) or _is_shifted(line, following))
    ]

    assert broken == []


def _continues(line: str, following: str) -> bool:
    return bool(line.strip() and following.strip()) and not re.match(r" *([-*|]|\d+\.) ", following)


def _ends_early(line: str, following: str) -> bool:
    unit = UNIT.search(following)
    return unit is not None and len(line) < 60 and len(line) + 1 + len(unit.group()) <= 100


def _is_shifted(line: str, following: str) -> bool:
    start = BULLET.match(line)
    return start is not None and len(following) - len(following.lstrip()) != start.end()


def test_every_document_that_the_project_names_exists() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    named = {
        f"{file} names {document}"
        for file in listed.split("\0")
        if Path(file).suffix not in {"", ".lock", ".png", ".bin"}
        and file != "CHANGELOG.md"
        and (REPOSITORY / file).is_file()
        for document in re.findall(
            r"(?<![\w./-])docs/(?!protocol/)[\w/-]+\.(?:md|json|svg|png)",
            (REPOSITORY / file).read_text("utf-8", "replace"),
        )
        if not (REPOSITORY / document).is_file()
    }

    assert named == set()


def test_index_of_the_decisions_has_every_record_with_title_date_and_status() -> None:
    folder = REPOSITORY / "docs/explanation/decisions"
    index = (folder / "index.md").read_text(encoding="utf-8")
    rows = []
    for record in sorted(folder.glob("0*.md")):
        title, _, dated = record.read_text(encoding="utf-8").split("\n")[:3]
        number, name = title.removeprefix("# ").split(" ", 1)
        status, date = re.findall(r"^(\w+), ([\d-]{10})", dated)[0]
        rows.append(f"| [{number}]({record.name}) | {name} | {date} | {status.lower()} |")

    assert re.findall(r"^\| \[.*$", index, re.MULTILINE) == rows
    assert {row for row in rows if not row.endswith("| accepted |")} == set(), "remove a record that no longer applies"
