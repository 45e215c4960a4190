"""Prints the unit and contract tests of what changed since `main`: `changed_tests.py [--since COMMIT]`.

Where there is no branch `main`, what is not committed yet counts.

A changed module's tests are those that import it, else those that import its room, else all of its service or package;
the rules of the rooms are tested with each. The tests of another file are those that name it. What takes longer than
half a minute is left out; standard error says so.
"""

import argparse
import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DOCUMENT_TESTS: Final = ("tests/contract/test_documents.py", "tests/contract/test_reference_pages.py")
ROOM_TESTS: Final = ("tests/contract/test_import_rules.py", "tests/contract/test_architecture_page.py")
SHELL_TESTS: Final = ("tests/contract/test_shell_scripts.py",)
LAYERS: Final = ("tests/unit", "tests/contract")
ELSEWHERE: Final = {
    "k8s/": "make manifests",
    "tests/manifests/": "make manifests",
    "tests/integration/": "make test",
    "tests/e2e/": "make e2e",
    "tests/faults/": "make faults",
    "tests/pi/": "make pi-test",
}
"""Which task runs the tests of a folder that are none of these."""
TENSORFLOW: Final = "tests/unit/trainer/"
MOST_FILES: Final = 24
"""Files of tests that two cores run in half a minute."""
TENSORFLOW_FILES: Final = 6
"""A file of tests with TensorFlow takes as long as so many others."""
_MODULE: Final = re.compile(r"^(?:services|packages)/([\w-]+)/.*?src/(idc_\w+/.*)$")


def changed_since(commit: str) -> list[str]:
    """Paths that differ from where this branch left `commit`: deleted ones, and those that git does not know yet, too.

    A file with a new name has both.
    """
    is_known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", commit], cwd=ROOT, capture_output=True, check=False
    )
    base = _git("merge-base", "HEAD", commit)[0] if is_known.returncode == 0 else "HEAD"
    listed = [
        *_git("diff", "--name-only", "--no-renames", base),
        *_git("ls-files", "--others", "--exclude-standard"),
    ]
    return list(dict.fromkeys(listed))


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def asked_by(path: str) -> Iterable[str]:
    """The tests that a changed, new or deleted file asks for."""
    file = Path(path)
    if file.suffix == ".md":
        return DOCUMENT_TESTS
    if path.startswith("tests/") and file.name == "conftest.py":
        return _below(file.parent.as_posix())
    if path.startswith(LAYERS) and file.suffix == ".py":
        return (path,) if path in _texts() else ()
    if path.startswith("tests/support/") and file.suffix == ".py":
        return _importing(f"support.{file.stem}")
    if source := _MODULE.match(path):
        return (*ROOM_TESTS, *_of_source(source[1], Path(source[2])))
    return (*(SHELL_TESTS if file.suffix == ".sh" else ()), *_naming(file.stem if file.suffix == ".py" else file.name))


def _of_source(member: str, file: Path) -> Iterable[str]:
    """The unit tests of a module, else of its room, else of its service or package."""
    parts = file.with_suffix("").parts if file.suffix == ".py" else file.parent.parts
    for depth in range(len(parts), 1, -1):
        if found := _importing(".".join(parts[:depth]).removesuffix(".__init__")):
            return found
    return _below(f"tests/unit/{member}")


def _below(folder: str) -> tuple[str, ...]:
    return tuple(path for path in _texts() if path.startswith(f"{folder}/"))


def _naming(name: str) -> tuple[str, ...]:
    """The tests whose text has a file's name."""
    named = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return tuple(path for path, text in _texts().items() if named.search(text))


def _importing(module: str) -> tuple[str, ...]:
    """The unit tests that import a module, or one below it."""
    return tuple(
        path
        for path, imports in _imports_of_tests().items()
        if any(imported == module or imported.startswith(f"{module}.") for imported in imports)
    )


@cache
def _texts() -> Mapping[str, str]:
    files = sorted(file for layer in LAYERS for file in (ROOT / layer).rglob("test_*.py"))
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


@cache
def _imports_of_tests() -> Mapping[str, set[str]]:
    return {path: set(_imports(text)) for path, text in _texts().items() if path.startswith("tests/unit/")}


def _imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within_half_a_minute(asked: Counter[str], changed: Iterable[str]) -> list[str]:
    """The tests that there is time for: changed ones first, then those that most changes ask for."""
    changed = set(changed)
    chosen, files = [], 0
    for test, _ in sorted(asked.items(), key=lambda item: (item[0] not in changed, -item[1], item[0])):
        files += TENSORFLOW_FILES if test.startswith(TENSORFLOW) else 1
        if files <= MOST_FILES:
            chosen.append(test)
    return chosen


def main(arguments: list[str]) -> int:
    """Print one path a line; return the exit code."""
    parser = argparse.ArgumentParser(description="Print the tests of what changed.")
    parser.add_argument("--since", default="main", help="the branch or commit to compare with (default: main)")
    changed = changed_since(parser.parse_args(arguments).since)
    asked = Counter(test for path in changed for test in set(asked_by(path)))
    chosen = within_half_a_minute(asked, changed)
    sys.stdout.writelines(f"{test}\n" for test in sorted(chosen))
    if len(chosen) < len(asked):
        sys.stderr.write(f"left out {len(asked) - len(chosen)} of {len(asked)} files of tests: `make test` runs all\n")
    for task in sorted(
        {task for folder, task in ELSEWHERE.items() if any(path.startswith(folder) for path in changed)}
    ):
        sys.stderr.write(f"not among these tests, but changed: run `{task}`, too\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
