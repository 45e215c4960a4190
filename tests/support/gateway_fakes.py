"""An inference service and a broker for tests and demonstrations, in memory."""

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from idc_contracts import ModelRef, Reason, Thresholds, decide
from idc_contracts.promotion import ModelComparison
from idc_gateway.errors import BusUnavailable, GatewayError, ImagesUnavailable, MessageRefused
from idc_gateway.inference.ports import EncodedImage, ModelDescription, ModelVersion, Prediction
from idc_gateway.messages.ports import OnMessage, OutgoingMessage

FAKE_MODEL = ModelRef(name="idc", version="1", sha256="0" * 64)
FAKE_THRESHOLDS = Thresholds(no_idc_below=0.4, idc_from=0.6)


class RednessInference:
    """P(IDC) is the mean of the red channel over 255."""

    def __init__(self) -> None:
        self.ready = True
        self.failure: GatewayError | None = None
        """Set to make each call fail."""
        self.request_ids: list[str] = []
        """One for each call."""
        self.also: tuple[Reason, ...] = ()
        """Reasons that each image gets, as by a model's checks."""
        self.scales_um_per_px: list[float | None] = []
        """What was stated, one for each image."""
        self.states = {"1001": "candidate", "1000": "withdrawn", "1": "serving"}
        """The state of each version."""
        self.comparisons: dict[str, ModelComparison] = {}
        """How a version compared with the one that served."""
        self.card, self.figures = "# A fake", dict[str, Any]()
        self.device_fallback_reason: str | None = None
        self.chosen: list[tuple[str, str, bool]] = []
        """The versions that were chosen, by whom, and whether to serve."""

    async def is_ready(self) -> bool:
        """As set."""
        return self.ready

    async def predict(self, images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        """See `InferenceServer.predict`."""
        if self.failure is not None:
            raise self.failure
        self.request_ids.append(request_id)
        self.scales_um_per_px += [image.um_per_px for image in images]
        return [_predict(image.data, self.also) for image in images]

    async def describe(self) -> ModelDescription:
        """See `InferenceServer.describe`."""
        return ModelDescription(
            FAKE_MODEL.name,
            FAKE_MODEL.version,
            [FAKE_MODEL.version],
            FAKE_MODEL.sha256,
            FAKE_THRESHOLDS,
            self.card,
            self.figures,
            device="CPU",
            device_fallback_reason=self.device_fallback_reason,
        )

    async def versions(self) -> list[ModelVersion]:
        """See `InferenceServer.versions`."""
        if self.failure is not None:
            raise self.failure
        return [
            ModelVersion(version=version, state=state, reason="", comparison=self.comparisons.get(version))
            for version, state in self.states.items()
        ]

    async def choose(self, version: str, by: str, *, serves: bool) -> None:
        """See `InferenceServer.choose`: the first other version that is no candidate serves instead."""
        self.chosen.append((version, by, serves))
        others = [other for other, state in self.states.items() if other != version and state != "candidate"]
        self.states |= {version: "serving", **dict.fromkeys(others, "earlier")} if serves else {version: "withdrawn"}
        if not serves:
            self.states[others[0]] = "serving"

    async def close(self) -> None:
        """Nothing to close."""


def _predict(image: bytes, also: Sequence[Reason]) -> Prediction:
    with Image.open(io.BytesIO(image)) as opened:
        probability = float(np.asarray(opened.convert("RGB"))[..., 0].mean() / 255)
    reasons = decide(probability, FAKE_THRESHOLDS, also=also).reasons
    return Prediction(probability, FAKE_MODEL, FAKE_THRESHOLDS, reasons)


class MemoryBus:
    """A broker that the test connects, breaks and listens to."""

    def __init__(self, *, connected: bool = True) -> None:
        self.published: list[OutgoingMessage] = []
        """What the broker confirmed, in order."""
        self.fail_after: int | None = None
        """Set to break the connection after so many more messages."""
        self.refused_topics: set[str] = set()
        """What the broker's access rules do not allow."""
        self._connected = asyncio.Event()
        self._start_connected = connected
        self._on_connected: Callable[[], Awaitable[None]] | None = None
        self._on_message: OnMessage | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now."""
        return self._connected.is_set()

    async def run(self, on_connected: Callable[[], Awaitable[None]], on_message: OnMessage) -> None:
        """See `Bus.run`."""
        self._on_connected, self._on_message = on_connected, on_message
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        if self._start_connected:
            await self.connect()
        await asyncio.Event().wait()

    async def connect(self) -> None:
        """Let the broker come (back)."""
        self.fail_after = None
        if self._on_connected is not None:
            await self._on_connected()
        self._connected.set()

    def disconnect(self) -> None:
        """Let the broker go away, from any thread."""
        self._call(self._connected.clear)

    def reconnect(self) -> None:
        """Let the broker come back after `disconnect`, from any thread."""
        self._call(self._connected.set)

    def _call(self, change: Callable[[], None]) -> None:
        """Change an event in the thread of its loop, where that runs: only there are its waiters woken."""
        if self._loop is None or threading.get_ident() == self._thread:
            change()
        else:
            self._loop.call_soon_threadsafe(change)

    def deliver(self, topic: str, payload: bytes) -> asyncio.Future[None] | None:
        """Let the broker deliver an alarm's message; see `OnMessage` for what is returned; another thread gets None."""
        assert self._on_message is not None
        assert self._loop is not None
        if threading.get_ident() == self._thread:
            return self._on_message(topic, payload)
        self._loop.call_soon_threadsafe(self._on_message, topic, payload)
        return None

    async def wait_connected(self) -> None:
        """See `Bus.wait_connected`."""
        await self._connected.wait()

    async def publish(self, message: OutgoingMessage) -> None:
        """See `Bus.publish`."""
        if self.fail_after == 0:
            self.disconnect()
        if not self.is_connected:
            raise BusUnavailable("the broker is away")
        if message.topic in self.refused_topics:
            raise MessageRefused("the broker rejected a message")
        if self.fail_after is not None:
            self.fail_after -= 1
        self.published.append(message)
        await asyncio.sleep(0)


class MemoryImages:
    """An image store in memory, which the test can break."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.failure: ImagesUnavailable | None = None
        """Set to make each call fail."""

    def put(self, name: str, data: bytes) -> None:
        """See `ImageStore.put`."""
        self._fail()
        self.images[name] = data

    def has(self, name: str, data: bytes) -> bool:
        """See `ImageStore.has`."""
        return self.failure is None and self.images.get(name) == data

    def get(self, name: str) -> bytes | None:
        """See `ImageStore.get`."""
        self._fail()
        return self.images.get(name)

    def delete(self, name: str) -> None:
        """See `ImageStore.delete`."""
        self._fail()
        self.images.pop(name, None)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
