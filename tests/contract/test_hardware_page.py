"""The wiring that the page and its diagram show is the one that the alarm's settings have by default."""

import re
from pathlib import Path

import pytest
from gpiozero import pi_info

from idc_alarm.panel.pins import PinSettings

DOCS = Path(__file__).parents[2] / "docs"
DIAGRAM = (DOCS / "images/wiring.svg").read_text()
ROWS = [
    [cell.strip() for cell in line.split("|")] for line in (DOCS / "how-to/raspberry-pi.md").read_text().splitlines()
]
PARTS = {"red": "red LED", "amber": "amber LED", "blue": "blue LED", "buzzer": "buzzer", "button": "button"}

A_PI_3B = "a02082"


def header_position(gpio: int) -> int:
    ((_header, pin),) = pi_info(A_PI_3B).find_pin(f"GPIO{gpio}")
    return int(pin.number)


@pytest.mark.parametrize("part", PARTS)
def test_page_names_the_default_line_and_its_place_on_the_header(part: str) -> None:
    gpio = getattr(PinSettings(), part)
    row = next(row for row in ROWS if len(row) > 3 and row[1].startswith(PARTS[part]))

    assert row[2:4] == [str(gpio), str(header_position(gpio))]


@pytest.mark.parametrize("part", PARTS)
def test_diagram_draws_the_default_line_at_its_place_on_the_header(part: str) -> None:
    gpio = getattr(PinSettings(), part)
    circle = re.search(rf'y="([\d.]+)">{header_position(gpio)}</text>', DIAGRAM)
    label = re.search(rf'y="([\d.]+)">GPIO {gpio}</text>', DIAGRAM)

    assert circle is not None
    assert label is not None
    # the label stands on its wire, which ends at the circle
    assert abs(float(circle[1]) - float(label[1])) < 20


def test_every_gpio_line_in_the_diagram_is_one_that_the_alarm_uses_by_default() -> None:
    drawn = {int(number) for number in re.findall(r"GPIO (\d+)<", DIAGRAM)}

    assert drawn == {getattr(PinSettings(), part) for part in PARTS}
