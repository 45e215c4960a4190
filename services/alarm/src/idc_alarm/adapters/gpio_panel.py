"""Lamps and buzzer on the GPIO pins of a Raspberry Pi, by gpiozero."""

import contextlib
import importlib
import tempfile
from typing import Any, Literal

from gpiozero import LED, Buzzer, GPIOZeroError
from gpiozero.pins.mock import MockFactory

from idc_alarm.errors import PanelFailed, PinUnavailable
from idc_alarm.settings import PinSettings
from idc_contracts import Lamps

DriverErrors = tuple[type[Exception], ...]
"""What a pin driver raises. gpiozero passes its driver's own errors on."""

_GPIOZERO_ERRORS: DriverErrors = (GPIOZeroError, OSError)


class GpioPanel:
    """Drives three lamps and a buzzer."""

    def __init__(self, pins: PinSettings, pin_factory: Any, driver_errors: DriverErrors = _GPIOZERO_ERRORS) -> None:
        """Claim the pins; everything is dark afterwards.

        Args:
            pins: Which line drives what.
            pin_factory: A gpiozero pin factory, which this panel closes (gpiozero has no types).
            driver_errors: What the factory's driver raises.

        Raises:
            PinUnavailable: A pin cannot be claimed.
        """
        self._factory = pin_factory
        self._driver_errors = driver_errors
        try:
            self._red = LED(pins.red, active_high=pins.active_high, pin_factory=pin_factory)
            self._amber = LED(pins.amber, active_high=pins.active_high, pin_factory=pin_factory)
            self._blue = LED(pins.blue, active_high=pins.active_high, pin_factory=pin_factory)
            self._buzzer = Buzzer(pins.buzzer, active_high=pins.active_high, pin_factory=pin_factory)
        except driver_errors as exc:
            raise PinUnavailable(f"cannot claim the pins {pins}: {exc}") from exc

    def show(self, lamps: Lamps, *, buzzer: bool) -> None:
        """Drive all outputs. What goes dark does so first: red and blue are not lit together even for an instant.

        Raises:
            PanelFailed: An output could not be driven.
        """
        wanted = [(self._red, lamps.red), (self._blue, lamps.blue), (self._amber, lamps.amber), (self._buzzer, buzzer)]
        try:
            for output, is_on in sorted(wanted, key=lambda pair: pair[1]):
                output.value = is_on
        except self._driver_errors as exc:
            raise PanelFailed(f"cannot drive the panel: {exc}") from exc

    def close(self) -> None:
        """Put out everything and let the pins go: they become inputs.

        Raises:
            PanelFailed: An output could not be driven.
        """
        self.show(Lamps(), buzzer=False)
        for output in (self._red, self._amber, self._blue, self._buzzer):
            output.close()
        self._factory.close()


def open_panel(kind: Literal["mock", "lgpio"], pins: PinSettings) -> GpioPanel:
    """The panel on one of the two pin drivers.

    Raises:
        PinUnavailable: There is no such driver on this machine, or a pin cannot be claimed.
    """
    if kind == "mock":
        return GpioPanel(pins, MockFactory())
    return _lgpio_panel(pins)


def _lgpio_panel(pins: PinSettings) -> GpioPanel:
    try:
        # On import lgpio makes a named pipe in the working folder, which a hardened container cannot write.
        with contextlib.chdir(tempfile.gettempdir()):
            lgpio = importlib.import_module("lgpio")
            from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415
    except (ImportError, OSError) as exc:
        raise PinUnavailable(
            f"the pin driver lgpio is not here, install it or set ALARM_PIN_FACTORY=mock: {exc}"
        ) from exc
    driver_errors: DriverErrors = (*_GPIOZERO_ERRORS, lgpio.error)
    try:
        factory = LGPIOFactory()
    except driver_errors as exc:
        raise PinUnavailable(
            f"lgpio cannot open /dev/gpiochip*: run on a Raspberry Pi, as a member of the group gpio: {exc}"
        ) from exc
    return GpioPanel(pins, factory, driver_errors)
