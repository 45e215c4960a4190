import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_alarm.errors import PanelFailed, PinUnavailable
from idc_alarm.machine.signals import Signal, Signals
from idc_alarm.panel.gpio_panel import GpioPanel, open_panel
from idc_alarm.panel.patterns import PatternSettings
from idc_alarm.panel.pins import PinSettings
from support.eventually import wait_until

PINS = PinSettings()
LEVELS = [Signal.OFF, Signal.STEADY]
ALL_STEADY = [
    Signals(red=red, amber=amber, blue=blue, buzzer=buzzer)
    for red, amber, blue, buzzer in itertools.product(LEVELS, repeat=4)
    if not (red is blue is Signal.STEADY)
]
FAST = PatternSettings(
    finding_lamp=(20, 20),
    finding_buzzer=(20, 20),
    silenced_lamp=(20, 20),
    technical_lamp=(20, 20),
    technical_buzzer=(20, 20),
)


class Board:
    """A mock board that writes down every change of any pin, in order."""

    def __init__(self, pins: PinSettings = PINS, **panel: Any) -> None:
        self.pins = pins
        self.factory = MockFactory(pin_class=self._recording_pin())
        self.changes: list[frozenset[str]] = []
        self.levels: dict[int, bool] = {}
        self.panel = GpioPanel(pins, self.factory, **panel)

    def _recording_pin(self) -> type[MockPWMPin]:
        board = self

        class RecordingPin(MockPWMPin):  # type: ignore[misc] # gpiozero has no types
            def _change_state(self, value: float) -> bool:
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


@pytest.mark.parametrize("signals", ALL_STEADY)
def test_pins_follow_the_signals(board: Board, signals: Signals) -> None:
    board.panel.show(signals)

    assert board.lit() == {name for name in ("red", "amber", "blue", "buzzer") if getattr(signals, name) != "off"}


@settings(max_examples=40)  # each wires a board of its own
@given(history=st.lists(st.sampled_from(ALL_STEADY), max_size=30), active_high=st.booleans())
def test_red_and_blue_are_not_lit_together_even_for_an_instant(history: list[Signals], active_high: bool) -> None:
    board = Board(PinSettings(active_high=active_high, buzzer_active_high=active_high))
    board.changes.clear()

    for signals in history:
        board.panel.show(signals)

    assert not [lit for lit in board.changes if {"red", "blue"} <= lit]
    board.panel.close()


def test_change_from_blue_to_red_and_back_passes_through_dark(board: Board) -> None:
    board.changes.clear()

    for signals in (Signals(blue=Signal.STEADY), Signals(red=Signal.FINDING), Signals(blue=Signal.STEADY)):
        board.panel.show(signals)

    changes = [lit for lit, _ in itertools.groupby(board.changes)]
    assert [set(lit) for lit in changes if lit] == [{"blue"}, {"red"}, {"blue"}]
    assert set() in changes[1:]


def test_finding_flashes_and_beeps_by_itself() -> None:
    board = Board(patterns=FAST)

    board.panel.show(Signals(red=Signal.FINDING, buzzer=Signal.FINDING))

    wait_until(lambda: [("red" in lit) for lit, _ in itertools.groupby(board.changes)].count(True) >= 3, "red flashes")
    wait_until(lambda: sum("buzzer" in lit for lit in board.changes) >= 3, "the buzzer beeps")
    board.panel.close()


def test_loop_that_hangs_puts_blue_out_and_shows_trouble() -> None:
    board = Board(patterns=FAST, deadman_s=0.05)

    board.panel.show(Signals(blue=Signal.STEADY))

    wait_until(lambda: "amber" in board.lit() and "blue" not in board.lit(), "amber in place of blue")
    wait_until(lambda: "buzzer" in board.lit(), "the slow beep")
    board.panel.close()


def test_passive_buzzer_gets_a_tone() -> None:
    board = Board(PinSettings(buzzer_kind="passive", buzzer_tone_hz=1500), patterns=FAST)

    board.panel.show(Signals(buzzer=Signal.STEADY))

    assert board.factory.pin(PINS.buzzer).frequency == 1500
    assert board.level(PINS.buzzer) == 0.5
    board.panel.close()


@pytest.mark.parametrize("pull_up", [True, False])
def test_button_that_bounces_is_one_press_and_wakes_the_loop(pull_up: bool) -> None:
    wakes: list[None] = []
    board = Board(PinSettings(button=24, button_pull_up=pull_up), wake=lambda: wakes.append(None))
    pin = board.factory.pin(24)
    for _ in range(5):
        (pin.drive_low if pull_up else pin.drive_high)()
        (pin.drive_high if pull_up else pin.drive_low)()

    assert len(board.panel.presses()) == 1
    assert board.panel.presses() == []
    assert len(wakes) == 1
    board.panel.close()


def test_low_level_lights_where_the_setting_says_so() -> None:
    board = Board(PinSettings(active_high=False, buzzer_active_high=False))
    dark = [board.level(number) for number in (PINS.red, PINS.amber, PINS.blue, PINS.buzzer)]

    board.panel.show(Signals(red=Signal.STEADY, buzzer=Signal.STEADY))

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
    board.panel.show(Signals(red=Signal.FINDING, amber=Signal.STEADY, buzzer=Signal.FINDING))

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
        panel.show(Signals(red=Signal.STEADY))


def test_mock_panel_leaves_the_process_wide_pin_factory_alone() -> None:
    before = Device.pin_factory

    open_panel("mock", PINS, PatternSettings(), lambda: None).close()

    assert Device.pin_factory is before


def test_machine_without_gpio_is_reported() -> None:
    with pytest.raises(PinUnavailable, match="lgpio"):
        open_panel("lgpio", PINS, PatternSettings(), lambda: None)
