"""What the gateway needs of an inference server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import BaseModel, Field

from idc_contracts import Check, ModelRef, Reason, Thresholds
from idc_contracts.promotion import ModelComparison


class EncodedImage(NamedTuple):
    """One image for inference."""

    data: bytes
    um_per_px: float | None = None
    """Its scale in micrometres per pixel; None where nobody stated it."""
    patch: bytes | None = None
    """The same image decoded, where it has a patch's size and no stated scale: RGB, uint8, row by row. A server that
    takes patches need not decode it again."""


@dataclass(frozen=True)
class Prediction:
    """The inference service's answer for one image."""

    probability: float
    """Calibrated P(IDC), 0.0-1.0."""
    model: ModelRef
    thresholds: Thresholds
    reasons: tuple[Reason, ...] = ()
    """Why thresholds and checks of the model leave it undecided, in the order of `Reason`; empty where they do not."""


@dataclass(frozen=True)
class ModelDescription:
    """An inference server's description of its model; None for missing values."""

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
    checks: tuple[Check, ...] | None = None
    server_version: str | None = None
    """Of the server's program."""
    device: str | None = None
    """What computes it, such as `CPU`."""
    device_fallback_reason: str | None = None
    """Why another device than the wanted one computes it; None or empty where it is the wanted one."""


class ModelVersion(BaseModel):
    """A version in an inference server's folder of models."""

    version: str = Field(pattern=r"^[1-9][0-9]{0,17}$")
    state: Literal["serving", "earlier", "withdrawn", "refused", "candidate"] = Field(
        description="`earlier`: it may serve, and a newer one does. `withdrawn`: rolled back, or held for an "
        "administrator. `refused`: it cannot be loaded. `candidate`: not promoted yet."
    )
    reason: str = Field(description="Why it is refused; otherwise empty.")
    comparison: ModelComparison | None = Field(
        default=None, description="How it compared with the model that served then; null if it was not compared."
    )


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
        """Whether the server reports that the model is ready.

        Raises:
            InferenceUnavailable: It does not say.
        """

    async def predict(self, images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceRefused: The server rejects the request.
            InferenceBroken: The answer does not follow the protocol.
        """

    async def describe(self) -> ModelDescription:
        """The server's description of its model.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceBroken: The answer does not follow the protocol.
        """

    async def versions(self) -> list[ModelVersion]:
        """The versions and candidates of its model, newest first.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceBroken: The server does not list them, or not by the protocol.
        """

    async def choose(self, version: str, by: str, *, serves: bool) -> None:
        """Let a version serve, or let the one before it serve instead.

        Raises:
            VersionRefused: The server refuses; nothing was changed.
            InferenceUnavailable: No answer, or not in time.
            InferenceBroken: The server cannot do it.
        """

    async def close(self) -> None: ...
