"""What the gateway needs from the outside."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from idc_gateway.classifications import Classification, OutgoingMessage, Prediction


class Inference(Protocol):
    """A server of the Open Inference Protocol."""

    async def is_ready(self) -> bool:
        """Whether the model can be asked now; never raises."""

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceRefused: The server takes the request for wrong.
            InferenceBroken: The answer does not follow the protocol.
        """

    async def close(self) -> None:
        """Close the connections."""


class Bus(Protocol):
    """The message broker."""

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now."""

    async def run(self, on_connected: Callable[[], Awaitable[None]], on_message: Callable[[str, bytes], None]) -> None:
        """Stay connected until cancelled.

        Args:
            on_connected: Awaited after each connect, before messages are sent.
            on_message: Gets topic and payload of each message of an alarm.
        """

    async def wait_connected(self) -> None:
        """Wait until messages can be sent."""

    async def publish(self, message: OutgoingMessage) -> None:
        """Send one message at QoS 1 and wait for the broker's confirmation.

        Raises:
            BusUnavailable: The broker did not confirm it; it may or may not have it.
        """


class Store(Protocol):
    """Results, outgoing messages and keys.

    Every method blocks, is one transaction, is safe to call from several threads, and raises StoreUnavailable where the
    database cannot be read or written.
    """

    def add(self, results: Sequence[Classification], messages: Sequence[OutgoingMessage]) -> None:
        """Store results and the messages about them in one transaction."""

    def classification(self, identity: UUID) -> Classification | None:
        """One result; None where there is none."""

    def recent(self, limit: int) -> list[Classification]:
        """The latest results, newest first."""

    def add_message(self, message: OutgoingMessage) -> None:
        """Store a message on its own."""

    def waiting(self, limit: int) -> list[tuple[int, OutgoingMessage]]:
        """Messages that the broker has not confirmed, oldest first, each with its sequence number."""

    def count_waiting(self) -> int:
        """How many messages the broker has not confirmed."""

    def mark_published(self, sequences: Sequence[int], at: datetime) -> None:
        """Record that the broker confirmed these."""

    def publish_again(self, limit: int) -> int:
        """Let the newest published messages wait again; returns how many."""

    def forget_published(self, before: datetime) -> None:
        """Delete messages that were published before then."""

    def put_key(self, name: str, key_sha256: str, at: datetime) -> None:
        """Store the digest of an API key; a key that had this name, and its sessions, are gone."""

    def key_name(self, key_sha256: str) -> str | None:
        """The name of the key with this digest; None where there is none."""

    def add_session(self, token_sha256: str, key_name: str, *, now: datetime, expires_at: datetime) -> None:
        """Store the digest of a browser session's token, and forget the sessions that are over."""

    def session_key_name(self, token_sha256: str, now: datetime) -> str | None:
        """The name of the key that a session was opened with; None where it is unknown or over."""

    def end_session(self, token_sha256: str) -> None:
        """Forget a session."""

    def check(self) -> None:
        """Prove that the database answers."""

    def close(self) -> None:
        """Close the database."""
