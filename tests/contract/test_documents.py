"""The documents' commands are known to work, and their links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from idc_trainer.data.source import PatientsFrom
from support.documents import DOCUMENTS, REPOSITORY, anchors, commands, links

LISTED = Path(__file__).with_name("documented_commands.txt")
KEPT_IN_THE_LIST = [path for path in DOCUMENTS if path.parts[-2] in (REPOSITORY.name, "docs", "broker")]


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


def test_documents_name_only_ways_to_tell_patients_that_the_trainer_knows() -> None:
    named = {way for path in DOCUMENTS for way in re.findall(r"--patient-from[ =](\w+)", path.read_text("utf-8"))}

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
