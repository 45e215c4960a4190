"""One inference server and its known state."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from idc_gateway.errors import InferenceRefused, InferenceUnavailable
from idc_gateway.inference.circuit_breaker import CircuitBreaker
from idc_gateway.inference.ports import EncodedImage, EndpointState, InferenceServer, Prediction

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 4.0
LOOK_AGAIN_S: Final = 0.5
"""After a check without an answer."""
LOOK_TIMEOUT_S: Final = 2.0
MISSES_TO_DOUBT: Final = 2
"""A server counts as not ready after so many looks in a row without an answer: one may be slow. All together that takes
no longer than 9 s."""
STALE_AFTER_S: Final = 10.0
"""Older checks do not count."""


@dataclass
class Endpoint:
    """One server and its known state."""

    url: str
    server: InferenceServer
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    clock: Callable[[], float] = time.monotonic
    in_progress: int = 0
    seems_ready: bool = True
    """The last result; before the first check it is worth a try."""
    _misses: int = 0
    _seen_at_s: float | None = None
    """When it was last known to be ready, or not."""

    @property
    def reports_ready(self) -> bool:
        """Whether the last check found it ready a moment ago."""
        age_s = self.looked_s_ago
        return age_s is not None and age_s <= STALE_AFTER_S and self.seems_ready

    @property
    def is_ready(self) -> bool:
        """Whether it was ready a moment ago, and answers requests."""
        return self.reports_ready and self.breaker.state != "open"

    @property
    def looked_s_ago(self) -> float | None:
        """Age of the last check; None before the first one."""
        return None if self._seen_at_s is None else self.clock() - self._seen_at_s

    @property
    def state(self) -> EndpointState:
        """Its state for status and metrics."""
        state, trouble = self.breaker.state, self.trouble
        return EndpointState(self.url, self.reports_ready, state, self.in_progress, self.looked_s_ago, trouble)

    @property
    def trouble(self) -> str | None:
        """Why it is not ready, as the end of a sentence; None where it is."""
        if self.is_ready:
            return None
        if self.reports_ready:
            return "reports ready, but fails at requests"
        if self.looked_s_ago is None:
            return "has not answered yet"
        if self._misses or self.seems_ready:
            return "gives invalid answers"
        return "reports not ready: it has no model, or its device does not work"

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_AGAIN_S if self._misses else LOOK_EVERY_S)

    async def look(self) -> None:
        """Check whether it is ready; takes at most `LOOK_TIMEOUT_S`, whatever the server does."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                is_ready = await self.server.is_ready()
        except Exception as exc:  # noqa: BLE001 - any error means no answer, and the next check must follow
            self._misses += 1
            if self._misses >= MISSES_TO_DOUBT:
                self._found(is_ready=False, reason=f"no answer to {self._misses} checks ({type(exc).__name__})")
        else:
            self._misses = 0
            self._found(is_ready=is_ready, reason="by its own report")

    async def predict(self, images: Sequence[EncodedImage], request_id: str, timeout_s: float) -> list[Prediction]:
        """Send a request, and record the outcome in the breaker.

        Raises:
            InferenceUnavailable: No answer, or not in time, or that it has too much to do.
            InferenceRefused: It rejects the request.
            InferenceBroken: It failed at this request; the caller knows whether another server did, too.
        """
        self.breaker.begin()
        self.in_progress += 1
        try:
            async with asyncio.timeout(timeout_s):
                predictions = await self.server.predict(images, request_id)
        except InferenceRefused:
            self.breaker.succeeded()
            raise
        except InferenceUnavailable as exc:
            if exc.was_answered:
                self.breaker.gave_up()
            else:
                self.breaker.failed()
            raise
        except TimeoutError as exc:
            self.breaker.failed()
            raise InferenceUnavailable(f"inference did not answer within {timeout_s:.3g} s: try again") from exc
        except BaseException:  # cancelled, or it failed at this one request: this proves nothing about the next
            self.breaker.gave_up()
            raise
        finally:
            self.in_progress -= 1
        self.breaker.succeeded()
        self._misses = 0
        self._found(is_ready=True, reason="it answers")
        return predictions

    def _found(self, *, is_ready: bool, reason: str) -> None:
        if is_ready != self.seems_ready:
            level = logging.INFO if is_ready else logging.WARNING
            what = "ready" if is_ready else "not ready"
            logger.log(level, "inference server %s is %s: %s", self.url, what, reason)
            if is_ready:
                self.breaker.try_now()
        self.seems_ready = is_ready
        self._seen_at_s = self.clock()
