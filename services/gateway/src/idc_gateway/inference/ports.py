"""What the gateway needs from the outside."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from idc_contracts import Decision, Thresholds
from idc_gateway.results.classifications import OutgoingMessage, Prediction


@dataclass(frozen=True)
class ModelDescription:
    """What an inference server says of its model; None for what it does not say."""

    name: str
    version: str | None
    versions: list[str]
    sha256: str | None
    thresholds: Thresholds | None
    card: str | None
    """Markdown."""
    figures: dict[str, Any] | None
    servers: tuple[str, ...] = ()
    """URLs of the servers that have it."""


@dataclass(frozen=True)
class EndpointState:
    """What is known of one inference server."""

    url: str
    is_ready: bool
    """Whether it was found ready within the last 10 s; its breaker may be open all the same."""
    breaker: str
    """`closed`, `open` or `half-open`."""
    in_progress: int
    looked_s_ago: float | None = None
    """How old this is; None before the first look."""
    trouble: str | None = None
    """Why it is not asked first, as the end of a sentence that begins with the server; None where it is ready."""


class InferenceServer(Protocol):
    """One server of the Open Inference Protocol."""

    async def is_ready(self) -> bool:
        """Whether the server says that the model can be asked now.

        Raises:
            InferenceUnavailable: It does not say.
        """

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceRefused: The server takes the request for wrong.
            InferenceBroken: The answer does not follow the protocol.
        """

    async def describe(self) -> ModelDescription:
        """What the server says of its model.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceBroken: The answer does not follow the protocol.
        """

    async def close(self) -> None:
        """Close the connections."""


class Inference(Protocol):
    """All inference servers together."""

    async def run(self) -> None:
        """Watch them until cancelled."""

    @property
    def is_ready(self) -> bool:
        """Whether one of them was found ready within the last 10 s; asks nobody."""

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order.

        Raises:
            InferenceUnavailable: No server answers, or not in time.
            InferenceRefused: A server takes the request for wrong.
            InferenceBroken: The answers do not follow the protocol.
        """

    async def describe(self) -> list[ModelDescription]:
        """What the servers said of their models within the last seconds, one for each version that serves.

        Raises:
            InferenceError: No server answers as it should.
        """

    @property
    def states(self) -> list[EndpointState]:
        """What is known of each server."""

    async def close(self) -> None:
        """Close the connections."""


class Meter(Protocol):
    """Counts what the gateway does; each method is cheap."""

    def request(self, method: str, operation: str, status: int, duration_s: float) -> None:
        """One request was answered; `operation` is its `operationId`, `none` where it has none."""

    def problem(self, kind: str) -> None:
        """One request was refused or failed; `kind` is the last part of the problem's type."""

    def result(self, decision: Decision) -> None:
        """One result was stored."""


OnMessage: TypeAlias = Callable[[str, bytes], asyncio.Future[None] | None]
"""Gets topic and payload of a message. Returns what is done once the broker need not send it again; None: now."""


class Bus(Protocol):
    """The message broker."""

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now."""

    async def run(self, on_connected: Callable[[], Awaitable[None]], on_message: OnMessage) -> None:
        """Stay connected until cancelled.

        Args:
            on_connected: Awaited after each connect, before messages are sent.
            on_message: Gets each message of an alarm; one that it was not done with comes again.
        """

    async def wait_connected(self) -> None:
        """Wait until messages can be sent."""

    async def publish(self, message: OutgoingMessage) -> None:
        """Send one message at QoS 1 and wait for the broker's confirmation.

        Raises:
            BusUnavailable: The broker did not confirm it; it may or may not have it.
            MessageRefused: The broker does not take it; it takes others.
        """
