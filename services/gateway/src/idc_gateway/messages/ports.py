"""What the outbox needs: a message that waits, and a broker that takes it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True)
class OutgoingMessage:
    """A message for the broker; sent again, it is the same event."""

    topic: str
    payload: bytes


OnMessage: TypeAlias = Callable[[str, bytes], asyncio.Future[None] | None]
"""Gets topic and payload of a message. Returns what is done once the broker need not send it again; None: now."""


class Bus(Protocol):
    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now."""

    async def run(self, on_connected: Callable[[], Awaitable[None]], on_message: OnMessage) -> None:
        """Stay connected until cancelled.

        Args:
            on_connected: Awaited after each connect, before messages are sent.
            on_message: Gets each message of an alarm; one whose future is not done is delivered again.
        """

    async def wait_connected(self) -> None:
        """Wait until messages can be sent."""

    async def publish(self, message: OutgoingMessage) -> None:
        """Send one message at QoS 1 and wait for the broker's confirmation.

        Raises:
            BusUnavailable: The broker did not confirm it; it may have it.
            MessageRefused: The broker rejected it, but accepts others.
        """
