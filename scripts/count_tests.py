"""Prints how many tests of each layer passed, failed and were skipped: `count_tests.py REPORT.xml…` (JUnit XML)."""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET


def count(report: Path) -> Counter[str]:
    """The outcomes of one report."""
    suites = ET.parse(report).getroot().iter("testsuite")
    totals: Counter[str] = Counter()
    for suite in suites:
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        totals.update(failed=failed, skipped=skipped, passed=int(suite.get("tests", 0)) - failed - skipped)
    return totals


def line(name: str, totals: Counter[str]) -> str:
    """One layer's line."""
    return f"{name}: {totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped"


def main(arguments: list[str]) -> None:
    """Print a line for each report and one for all."""
    everything: Counter[str] = Counter()
    for report in map(Path, arguments):
        totals = count(report)
        everything.update(totals)
        sys.stdout.write(line(report.stem, totals) + "\n")
    sys.stdout.write(line("total", everything) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
