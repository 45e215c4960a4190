"""No shell script ends without a word: a command that fails in silence is told with its line."""

from pathlib import Path

import pytest

from support.documents import REPOSITORY


def is_bash(path: Path) -> bool:
    """A script by itself; sh has no such trap, and a file without a first line is read by another."""
    return path.read_text(encoding="utf-8").startswith(("#!/bin/bash", "#!/usr/bin/env bash"))


FOLDERS = ("broker", "health", "k8s", "scripts", "tls")
SCRIPTS = sorted(path for folder in FOLDERS for path in (REPOSITORY / folder).glob("*.sh") if is_bash(path))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_that_ends_at_the_first_failure_says_which_one_it_was(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert "set -euEo pipefail" in lines
    assert [line for line in lines if line.startswith("trap ") and line.endswith(" ERR")]
