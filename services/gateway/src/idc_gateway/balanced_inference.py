"""Several inference servers as one: the ready one with the least work is asked, and another where it fails."""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from idc_gateway.circuit_breaker import CircuitBreaker
from idc_gateway.classifications import Prediction
from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.ports import EndpointState, Inference, InferenceServer, ModelDescription

logger = logging.getLogger(__name__)

PROBE_INTERVAL_S: Final = 2.0


@dataclass
class Endpoint:
    """One server, and what is known of it."""

    url: str
    server: InferenceServer
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    in_progress: int = 0
    is_ready: bool = True
    """What the last look found; before the first one it is worth a try."""

    async def probe(self) -> bool:
        """Ask whether it is ready."""
        is_ready = await self.server.is_ready()
        if is_ready != self.is_ready:
            level = logging.INFO if is_ready else logging.WARNING
            logger.log(level, "inference server %s is %s", self.url, "ready" if is_ready else "not ready")
        self.is_ready = is_ready
        return is_ready

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Ask it, and let the breaker learn from what comes."""
        self.breaker.begin()
        self.in_progress += 1
        try:
            predictions = await self.server.predict(images, request_id)
        except InferenceRefused:
            self.breaker.succeeded()
            raise
        except InferenceError:
            self.breaker.failed()
            raise
        except asyncio.CancelledError:
            self.breaker.gave_up()
            raise
        finally:
            self.in_progress -= 1
        self.breaker.succeeded()
        return predictions


class BalancedInference(Inference):
    """See `Inference`. A request goes to each endpoint once at most, all within one deadline.

    To ask again is safe: an inference changes nothing at the server, and only the answer that is used is stored.
    """

    def __init__(self, endpoints: Sequence[Endpoint], *, timeout_s: float) -> None:
        """Take the endpoints, at least one, and how long an answer may take with all tries, in seconds."""
        self.endpoints = endpoints
        self._timeout_s = timeout_s
        self._turn = 0

    @property
    def states(self) -> list[EndpointState]:
        """What is known of each endpoint."""
        return [EndpointState(e.url, e.is_ready, e.breaker.state, e.in_progress) for e in self.endpoints]

    async def run(self) -> None:
        """Look at every endpoint again and again until cancelled."""
        while True:
            await self.is_ready()
            await asyncio.sleep(PROBE_INTERVAL_S)

    async def is_ready(self) -> bool:
        """Whether any endpoint can be asked now; asks them all."""
        return any(await asyncio.gather(*(endpoint.probe() for endpoint in self.endpoints)))

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order. See `Inference.predict`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._predict(images, request_id)
        except TimeoutError as exc:
            raise InferenceUnavailable(f"inference did not answer within {self._timeout_s:g} s: try again") from exc

    async def _predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        tried: list[Endpoint] = []
        failure: InferenceUnavailable | InferenceBroken | None = None
        while (endpoint := self._choose(tried)) is not None:
            tried.append(endpoint)
            try:
                return await endpoint.predict(images, request_id)
            except (InferenceUnavailable, InferenceBroken) as exc:
                logger.warning("inference server %s failed: %s", endpoint.url, exc, extra={"request_id": request_id})
                failure = exc
        raise failure or InferenceUnavailable("no inference server is ready", retry_after_s=self._wait_s())

    async def describe(self) -> list[ModelDescription]:
        """What the servers say of their models, one for each version that serves. See `Inference.describe`."""
        answers = await asyncio.gather(
            *(endpoint.server.describe() for endpoint in self.endpoints), return_exceptions=True
        )
        found: dict[tuple[str, str | None, str | None], ModelDescription] = {}
        for answer in answers:
            if isinstance(answer, ModelDescription):
                found.setdefault((answer.name, answer.version, answer.sha256), answer)
            elif not isinstance(answer, InferenceError):
                raise answer
        failures = [answer for answer in answers if isinstance(answer, InferenceError)]
        if failures and not found:
            raise failures[0]
        return list(found.values())

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(endpoint.server.close() for endpoint in self.endpoints))

    def _choose(self, tried: Sequence[Endpoint]) -> Endpoint | None:
        """The one with the least in progress; among equals each in turn."""
        usable = [e for e in self.endpoints if e.is_ready and e.breaker.lets_in and e not in tried]
        if not usable:
            return None
        self._turn += 1
        least = min(endpoint.in_progress for endpoint in usable)
        idlest = [endpoint for endpoint in usable if endpoint.in_progress == least]
        return idlest[self._turn % len(idlest)]

    def _wait_s(self) -> int:
        """When one may be ready again: at the next look, or at a breaker's next trial."""
        waits = [endpoint.breaker.wait_s if endpoint.is_ready else PROBE_INTERVAL_S for endpoint in self.endpoints]
        return max(1, math.ceil(min(waits)))
