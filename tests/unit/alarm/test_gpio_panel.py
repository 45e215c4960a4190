import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin
from hypothesis import given
from hypothesis import strategies as st

from idc_alarm.adapters.gpio_panel import GpioPanel, open_panel
from idc_alarm.errors import PanelFailed, PinUnavailable
from idc_alarm.settings import PinSettings
from idc_contracts import Lamps

PINS = PinSettings()
ALL_LAMPS = [
    Lamps(red=red, amber=amber, blue=blue)
    for red, amber, blue in itertools.product([False, True], repeat=3)
    if not (red and blue)
]


class Board:
    """A mock board that writes down every change of any pin, in order."""

    def __init__(self, pins: PinSettings = PINS) -> None:
        self.pins = pins
        self.factory = MockFactory(pin_class=self._recording_pin())
        self.changes: list[frozenset[str]] = []
        self.levels: dict[int, bool] = {}
        self.panel = GpioPanel(pins, self.factory)

    def _recording_pin(self) -> type[MockPin]:
        board = self

        class RecordingPin(MockPin):  # type: ignore[misc] # gpiozero has no types
            def _change_state(self, value: bool) -> bool:
                board.levels[self.info.name] = bool(value)
                board.changes.append(board.lit())
                return bool(super()._change_state(value))

        return RecordingPin

    def lit(self) -> frozenset[str]:
        names = {"red", "amber", "blue", "buzzer"}
        return frozenset(
            name
            for name in names
            if self.levels.get(f"GPIO{getattr(self.pins, name)}", not self.pins.active_high) is self.pins.active_high  # type: ignore[call-overload]
        )

    def level(self, number: int) -> Any:
        return self.factory.pin(number).state


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.panel.close()


@pytest.mark.parametrize("lamps", ALL_LAMPS)
@pytest.mark.parametrize("buzzer", [False, True])
def test_pins_follow_the_lamps(board: Board, lamps: Lamps, buzzer: bool) -> None:
    board.panel.show(lamps, buzzer=buzzer)

    assert board.level(PINS.red) == lamps.red
    assert board.level(PINS.amber) == lamps.amber
    assert board.level(PINS.blue) == lamps.blue
    assert board.level(PINS.buzzer) == buzzer


@given(history=st.lists(st.tuples(st.sampled_from(ALL_LAMPS), st.booleans()), max_size=30), active_high=st.booleans())
def test_red_and_blue_are_not_lit_together_even_for_an_instant(
    history: list[tuple[Lamps, bool]], active_high: bool
) -> None:
    board = Board(PinSettings(active_high=active_high))
    board.changes.clear()

    for lamps, buzzer in history:
        board.panel.show(lamps, buzzer=buzzer)

    assert not [lit for lit in board.changes if {"red", "blue"} <= lit]
    board.panel.close()


def test_change_from_blue_to_red_and_back_passes_through_dark(board: Board) -> None:
    board.changes.clear()

    board.panel.show(Lamps(blue=True), buzzer=False)
    board.panel.show(Lamps(red=True), buzzer=False)
    board.panel.show(Lamps(blue=True), buzzer=False)

    changes = [lit for lit, _ in itertools.groupby(board.changes)]
    assert [set(lit) for lit in changes if lit] == [{"blue"}, {"red"}, {"blue"}]
    assert set() in changes[1:]


def test_low_level_lights_where_the_setting_says_so() -> None:
    board = Board(PinSettings(active_high=False))
    dark = [board.level(number) for number in (PINS.red, PINS.amber, PINS.blue, PINS.buzzer)]

    board.panel.show(Lamps(red=True), buzzer=True)

    assert dark == [1, 1, 1, 1]
    assert [board.level(number) for number in (PINS.red, PINS.amber, PINS.blue, PINS.buzzer)] == [0, 1, 1, 0]
    board.panel.close()


def test_claiming_the_pins_lights_nothing() -> None:
    board = Board()

    assert board.lit() == frozenset()
    assert not any(board.changes)
    board.panel.close()


def test_closing_puts_out_everything() -> None:
    board = Board()
    board.panel.show(Lamps(red=True, amber=True), buzzer=True)

    board.panel.close()

    assert board.lit() == frozenset()


def test_pin_that_is_taken_is_reported(board: Board) -> None:
    with pytest.raises(PinUnavailable, match="cannot claim the pins"):
        GpioPanel(PINS, board.factory)


def test_pin_that_fails_later_is_reported() -> None:
    class FailingPin(MockPin):  # type: ignore[misc] # gpiozero has no types
        def _set_state(self, value: float) -> None:
            if value:
                raise OSError(5, "Input/output error")
            super()._set_state(value)

    panel = GpioPanel(PINS, MockFactory(pin_class=FailingPin))

    with pytest.raises(PanelFailed, match="Input/output error"):
        panel.show(Lamps(red=True), buzzer=True)


def test_mock_panel_leaves_the_process_wide_pin_factory_alone() -> None:
    before = Device.pin_factory

    open_panel("mock", PINS).close()

    assert Device.pin_factory is before


def test_machine_without_gpio_is_told_so() -> None:
    with pytest.raises(PinUnavailable, match="lgpio"):
        open_panel("lgpio", PINS)
