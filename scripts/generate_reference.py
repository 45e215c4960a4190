"""Writes the reference pages that follow from the code: `generate_reference.py [--check] [PAGE...]`.

The pages are committed, so that they can be read in the repository, without a build. `--check` writes nothing, names
each stale page and exits with 1.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Final

from reference_interfaces import endpoints_page, exit_codes_page, topics_page
from reference_settings import settings_page
from reference_tables import REFERENCE
from reference_trainer import trainer_page

PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "endpoints.md": endpoints_page,
    "topics.md": topics_page,
    "exit-codes.md": exit_codes_page,
    "trainer.md": trainer_page,
}


def main(arguments: list[str]) -> int:
    """Write the named pages, or all; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference pages that follow from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page is stale")
    parser.add_argument("pages", nargs="*", choices=[[], *PAGES], help="all by default")
    options = parser.parse_args(arguments)
    stale = []
    for name in options.pages or PAGES:
        path, text = REFERENCE / name, PAGES[name]()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not options.check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"docs/reference/{name} {'is stale: run `make schemas`' if options.check else 'written'}\n")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
