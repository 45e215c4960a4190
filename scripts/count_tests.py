"""Prints how many tests of each layer passed, failed and were skipped: `count_tests.py REPORT.xml...` (JUnit XML)."""

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def count(reports: list[Path]) -> Mapping[str, Counter[str]]:
    """The outcomes of each layer, a folder of `tests/`."""
    layers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for case in (case for report in reports for case in ET.parse(report).getroot().iter("testcase")):
        # `tests.unit.alarm.test_x`; a module that could not be imported has its name in `name` alone.
        place = (case.get("classname") or case.get("name") or "").split(".")
        layer = place[1] if len(place) > 1 else "unknown"
        outcomes = {OUTCOMES[child.tag] for child in case if child.tag in OUTCOMES}
        layers[layer]["failed" if "failed" in outcomes else next(iter(outcomes), "passed")] += 1
    return layers


def line(name: str, totals: Counter[str]) -> str:
    """One layer's line."""
    return f"{name}: {totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped\n"


def main(reports: list[Path]) -> None:
    """Print a line for each layer and one for all."""
    layers = count(reports)
    for layer in sorted(layers):
        sys.stdout.write(line(layer, layers[layer]))
    sys.stdout.write(line("total", sum(layers.values(), Counter())))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
