"""What the alarm and its controller need of panel and broker."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from idc_alarm.link.inbox import Delivery
from idc_alarm.machine.signals import Signals
from idc_contracts import AlarmActed, AlarmState


class AlarmPanel(Protocol):
    """Three lamps, a buzzer and a button. Only the controller's thread uses it."""

    def show(self, signals: Signals) -> None:
        """Drive all outputs. What goes dark does so before anything is lit.

        Raises:
            PanelFailed: An output could not be driven.
        """

    def keep_alive(self) -> None:
        """Report that the controller runs; without this for long, the panel shows a technical alarm by itself.

        Raises:
            PanelFailed: An output could not be driven since the last call.
        """

    def presses(self) -> Sequence[float]:
        """When the button was pressed since the last call, in monotonic seconds."""

    def close(self) -> None:
        """Switch everything off and release the pins."""


class BrokerLink(Protocol):
    """The connection to the broker, which reconnects without end. Only the controller's thread uses it."""

    @property
    def is_ready(self) -> bool:
        """Whether the broker accepted both the connection and the subscriptions."""

    @property
    def wait_s(self) -> float:
        """Seconds until `move` has something to do, unless something arrives."""

    def move(self) -> None:
        """Do what is due: connect, or publish what waits."""

    def take(self) -> Sequence[Delivery]:
        """What arrived since the last call."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages to the broker. Those of an earlier connection are ignored: they will come again."""

    def report(self, state: AlarmState) -> None:
        """Publish the state, retained, now or as soon as there is a connection; a newer one replaces it."""

    def tell(self, actions: Sequence[AlarmActed]) -> None:
        """Publish each of these actions until the broker has taken it for a listener; they replace the earlier ones."""

    def told(self) -> Sequence[UUID]:
        """The message ids of the actions that the broker took for a listener since the last call."""

    def drop(self) -> None:
        """Break the connection as a crash would: the broker says `offline` and keeps what was not acknowledged.

        It stays broken until `move`.
        """

    def close(self) -> None:
        """Say `offline` and end the connection, or abandon one that hangs; the broker keeps the session."""
