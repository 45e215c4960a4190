"""What the alarm needs of the world outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from idc_alarm.link.inbox import Delivery
from idc_alarm.machine.signals import Signals
from idc_contracts import AlarmActed, AlarmState


class AlarmPanel(Protocol):
    """Three lamps, a buzzer and a button. Only the thread that runs the alarm's loop uses it."""

    def show(self, signals: Signals) -> None:
        """Drive all outputs. What goes dark does so before anything is lit.

        Raises:
            PanelFailed: An output could not be driven.
        """

    def keep_alive(self) -> None:
        """Say that the loop still turns; a panel that does not hear this for long shows trouble by itself.

        Raises:
            PanelFailed: An output could not be driven since the last call.
        """

    def presses(self) -> Sequence[float]:
        """When the button was pressed since the last call, in monotonic seconds."""

    def close(self) -> None:
        """Put out everything and let the pins go."""


class BrokerLink(Protocol):
    """The connection to the broker. It connects, and connects again, by itself."""

    @property
    def is_ready(self) -> bool:
        """Whether the broker accepted both the connection and the subscriptions."""

    def turn(self, timeout_s: float) -> Sequence[Delivery]:
        """Move the network, at most `timeout_s` long while it is quiet, and return what arrived."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these need not be sent again. What came over an earlier connection will be."""

    def report(self, state: AlarmState) -> None:
        """Publish the state, retained, now or as soon as there is a connection; a newer one replaces it."""

    def tell(self, actions: Sequence[AlarmActed]) -> None:
        """Publish what was done, now or as soon as there is a connection, until somebody who listens got it."""

    def told(self) -> Sequence[UUID]:
        """The message ids of the actions that the broker has taken for a listener since the last call."""

    def drop(self) -> None:
        """Break the connection as a crash would: the broker says `offline` and keeps what was not acknowledged."""

    def close(self) -> None:
        """Say `offline` and end the connection; the broker keeps the session."""
