"""Prints the unit and contract tests of what changed since `main`: `changed_tests.py [--since COMMIT]`.

Where there is no branch `main`, what is not committed yet counts.

A changed module's tests are those that import it, else those that import its room, else all of its service or package.
"""

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DOCUMENT_TESTS: Final = ("tests/contract/test_documents.py", "tests/contract/test_reference_pages.py")


def changed_since(commit: str) -> list[str]:
    """Paths that differ from where this branch left `commit`, those that git does not know yet included."""
    is_known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", commit], cwd=ROOT, capture_output=True, check=False
    )
    base = _git("merge-base", "HEAD", commit)[0] if is_known.returncode == 0 else "HEAD"
    listed = [*_git("diff", "--name-only", base), *_git("ls-files", "--others", "--exclude-standard")]
    return [path for path in dict.fromkeys(listed) if (ROOT / path).is_file()]


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def tests_of(path: str) -> Iterable[str]:
    """The tests that a change of one file asks for."""
    parts = Path(path).parts
    if path.endswith(".md"):
        return DOCUMENT_TESTS
    if not path.endswith(".py"):
        return ()
    if parts[:2] in {("tests", "unit"), ("tests", "contract")} and parts[-1].startswith("test_"):
        return (path,)
    if parts[:2] == ("tests", "support"):
        return _importing(f"support.{Path(path).stem}")
    if "src" not in parts:
        return ()
    module = ".".join(Path(*parts[parts.index("src") + 1 :]).with_suffix("").parts).removesuffix(".__init__")
    room = module.rpartition(".")[0]
    return _importing(module) or (_importing(room) if "." in room else ()) or _folder(parts[1])


def _folder(name: str) -> tuple[str, ...]:
    return (f"tests/unit/{name}",) if (ROOT / "tests/unit" / name).is_dir() else ()


def _importing(module: str) -> tuple[str, ...]:
    """The unit tests that import a module, or one below it."""
    return tuple(
        path
        for path, imports in _imports_of_tests().items()
        if any(imported == module or imported.startswith(f"{module}.") for imported in imports)
    )


@cache
def _imports_of_tests() -> dict[str, set[str]]:
    files = sorted((ROOT / "tests/unit").rglob("test_*.py"))
    return {file.relative_to(ROOT).as_posix(): set(_imports(file)) for file in files}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def main(arguments: list[str]) -> int:
    """Print one path a line; return the exit code."""
    parser = argparse.ArgumentParser(description="Print the tests of what changed.")
    parser.add_argument("--since", default="main", help="the branch or commit to compare with (default: main)")
    tests = {test for path in changed_since(parser.parse_args(arguments).since) for test in tests_of(path)}
    whole = {test for test in tests if not test.endswith(".py")}
    sys.stdout.writelines(f"{test}\n" for test in sorted(tests) if test in whole or str(Path(test).parent) not in whole)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
