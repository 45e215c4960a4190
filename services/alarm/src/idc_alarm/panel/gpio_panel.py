"""Lamps, buzzer and button on the GPIO pins of a Raspberry Pi, by gpiozero."""

import contextlib
import importlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from gpiozero import LED, DigitalInputDevice, GPIOZeroError, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from idc_alarm.errors import PanelFailed, PinUnavailable
from idc_alarm.panel.button import Presses
from idc_alarm.panel.patterns import PatternSettings
from idc_alarm.panel.pins import PinSettings
from idc_alarm.panel.player import SignalPlayer

DriverErrors = tuple[type[Exception], ...]

_GPIOZERO_ERRORS: DriverErrors = (GPIOZeroError, OSError)

DEADMAN_S: Final = 30.0
"""A turn of the controller takes five seconds at most, and two more where the disk is slow."""


class GpioPanel:
    """Three lamps, a buzzer and a button: the alarm's `AlarmPanel`."""

    def __init__(
        self,
        pins: PinSettings,
        pin_factory: Any,
        driver_errors: DriverErrors = _GPIOZERO_ERRORS,
        *,
        patterns: PatternSettings | None = None,
        wake: Callable[[], None] = lambda: None,
        deadman_s: float = DEADMAN_S,
    ) -> None:
        """Claim the pins; all outputs are off afterwards.

        Args:
            pins: Which line drives what.
            pin_factory: A gpiozero pin factory, which this panel closes (gpiozero has no types).
            driver_errors: What the factory's driver raises; gpiozero passes it on.
            patterns: What the signals look and sound like.
            wake: Called after each press of the button.
            deadman_s: How long the controller may be silent before the panel shows a technical alarm.

        Raises:
            PinUnavailable: A pin cannot be claimed.
        """
        self._factory = pin_factory
        self._driver_errors = driver_errors
        self._presses = Presses(pins.debounce_s, wake)
        try:
            self._outputs = {name: self._lamp(getattr(pins, name), pins) for name in ("red", "amber", "blue")}
            self._outputs["buzzer"] = self._buzzer(pins)
            self._button = None if pins.button is None else self._claim_button(pins.button, pins)
        except driver_errors as exc:
            raise PinUnavailable(f"cannot claim the pins {pins}: {exc}") from exc
        drive = {name: _switch(output) for name, output in self._outputs.items()}
        player = SignalPlayer(drive, patterns or PatternSettings(), driver_errors, deadman_s=deadman_s)
        self.show, self.keep_alive, self._stop_playing = player.show, player.keep_alive, player.close

    def presses(self) -> Sequence[float]:
        return self._presses.take()

    def close(self) -> None:
        self._stop_playing()
        try:
            for output in self._outputs.values():
                output.off()
        except self._driver_errors as exc:
            raise PanelFailed(f"cannot switch the panel off: {exc}") from exc
        for device in (*self._outputs.values(), self._button):
            if device is not None:
                device.close()
        self._factory.close()

    def _lamp(self, number: int, pins: PinSettings) -> Any:
        return LED(number, active_high=pins.active_high, pin_factory=self._factory)

    def _buzzer(self, pins: PinSettings) -> Any:
        active_high = pins.buzzer_active_high
        if pins.buzzer_kind == "active":
            return LED(pins.buzzer, active_high=active_high, pin_factory=self._factory)
        tone_hz = pins.buzzer_tone_hz
        return PWMOutputDevice(pins.buzzer, active_high=active_high, frequency=tone_hz, pin_factory=self._factory)

    def _claim_button(self, number: int, pins: PinSettings) -> Any:
        # Not gpiozero's Button: its thread polls ten times a second, to notice a button that is held.
        # The driver debounces the contact; `Presses` does so for drivers that cannot.
        button = DigitalInputDevice(
            number, pull_up=pins.button_pull_up, bounce_time=pins.debounce_s or None, pin_factory=self._factory
        )
        button.when_activated = self._presses.pressed
        button.when_deactivated = self._presses.released
        return button


def _switch(output: Any) -> Callable[[bool], None]:
    # A duty cycle of one half is the loudest for a passive buzzer.
    on_value = 0.5 if isinstance(output, PWMOutputDevice) else 1

    def drive(is_on: bool) -> None:  # noqa: FBT001 - the level itself
        output.value = on_value if is_on else 0

    return drive


def open_panel(
    kind: Literal["mock", "lgpio"], pins: PinSettings, patterns: PatternSettings, wake: Callable[[], None]
) -> GpioPanel:
    """The panel on one of the two pin drivers.

    Raises:
        PinUnavailable: The driver is missing on this machine, or a pin cannot be claimed.
    """
    if kind == "mock":
        return GpioPanel(pins, MockFactory(pin_class=MockPWMPin), patterns=patterns, wake=wake)
    return _lgpio_panel(pins, patterns, wake)


def _lgpio_panel(pins: PinSettings, patterns: PatternSettings, wake: Callable[[], None]) -> GpioPanel:
    try:
        # On import lgpio creates a named pipe in the working folder, which a hardened container cannot write.
        with contextlib.chdir(tempfile.gettempdir()):
            lgpio = importlib.import_module("lgpio")
            from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415
    except (ImportError, OSError) as exc:
        raise PinUnavailable(
            f"the pin driver lgpio is not installed; install it or set ALARM_PIN_FACTORY=mock: {exc}"
        ) from exc
    driver_errors: DriverErrors = (*_GPIOZERO_ERRORS, lgpio.error)
    try:
        factory = LGPIOFactory()
    except driver_errors as exc:
        raise PinUnavailable(
            f"lgpio cannot open /dev/gpiochip*; run on a Raspberry Pi, as a member of the group gpio: {exc}"
        ) from exc
    return GpioPanel(pins, factory, driver_errors, patterns=patterns, wake=wake)
