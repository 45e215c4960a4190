"""Several inference servers as one: requests go to the ready one with the least work, else to another."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from idc_gateway.errors import InferenceBroken, InferenceError, InferenceUnavailable
from idc_gateway.inference.endpoint import LOOK_EVERY_S, Endpoint
from idc_gateway.inference.ports import EncodedImage, EndpointState, ModelDescription, Prediction

logger = logging.getLogger(__name__)

DESCRIBED_FOR_S: Final = 5.0
"""So long one answer of the servers about their models serves all who ask."""
DESCRIBE_TIMEOUT_S: Final = 5.0


class BalancedInference:
    """All inference servers together. A request goes to each endpoint once at most, all within one deadline.

    To ask again is safe: an inference changes nothing at the server, and only the answer that is used is stored.
    """

    def __init__(self, endpoints: Sequence[Endpoint], *, timeout_s: float) -> None:
        """Take the endpoints, at least one, and how long an answer may take with all tries, in seconds."""
        self.endpoints = endpoints
        self._timeout_s = timeout_s
        self._turn = 0
        self._describing: asyncio.Task[list[ModelDescription]] | None = None
        self._described_at_s = 0.0

    @property
    def states(self) -> list[EndpointState]:
        """What is known of each endpoint."""
        return [endpoint.state for endpoint in self.endpoints]

    @property
    def is_ready(self) -> bool:
        """Whether any endpoint was found ready a moment ago."""
        return any(endpoint.is_ready for endpoint in self.endpoints)

    async def run(self) -> None:
        """Watch every endpoint, each for itself, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for endpoint in self.endpoints:
                group.create_task(endpoint.watch(), name=f"watch {endpoint.url}")

    async def look(self) -> None:
        """Look at every endpoint once."""
        await asyncio.gather(*(endpoint.look() for endpoint in self.endpoints))

    async def predict(self, images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order; raises InferenceError as `InferenceServer.predict` does."""
        deadline_s = time.monotonic() + self._timeout_s
        tried: list[Endpoint] = []
        failed: list[Endpoint] = []
        failure: InferenceUnavailable | InferenceBroken | None = None
        while (endpoint := self._choose(tried)) is not None:
            tried.append(endpoint)
            # One that hangs leaves time for those that are left.
            left = sum(other.seems_ready for other in self._usable(tried))
            share_s = max(0.0, deadline_s - time.monotonic()) / (1 + left)
            try:
                predictions = await endpoint.predict(images, request_id, share_s)
            except (InferenceUnavailable, InferenceBroken) as exc:
                logger.warning("inference server %s failed: %s", endpoint.url, exc, extra={"request_id": request_id})
                failure = exc
                if isinstance(exc, InferenceBroken):
                    failed.append(endpoint)
            else:
                # Another server could: the fault was not the request's.
                for other in failed:
                    other.breaker.failed()
                return predictions
        if time.monotonic() >= deadline_s:
            raise InferenceUnavailable(f"inference did not answer within {self._timeout_s:g} s: try again")
        raise failure or InferenceUnavailable(
            "no inference server is ready: each failed several times in a row",
            retry_after_s=self._wait_s(),
        )

    async def describe(self) -> list[ModelDescription]:
        """The servers' models, at most some seconds old, one for each version in service."""
        is_old = time.monotonic() - self._described_at_s > DESCRIBED_FOR_S
        if self._describing is None or (self._describing.done() and (is_old or self._describing.exception())):
            self._describing = asyncio.create_task(self._ask_for_models(), name="describe")
            self._described_at_s = time.monotonic()
        return await asyncio.shield(self._describing)

    async def _ask_for_models(self) -> list[ModelDescription]:
        answers = await asyncio.gather(*map(_describe, self.endpoints), return_exceptions=True)
        models: dict[tuple[str, str | None, str | None], ModelDescription] = {}
        for endpoint, answer in zip(self.endpoints, answers, strict=True):
            if isinstance(answer, ModelDescription):
                same = models.setdefault((answer.name, answer.version, answer.sha256), answer)
                models[same.name, same.version, same.sha256] = replace(same, servers=(*same.servers, endpoint.url))
            elif not isinstance(answer, InferenceError):
                raise answer
        failures = [answer for answer in answers if isinstance(answer, InferenceError)]
        if failures and not models:
            raise failures[0]
        return list(models.values())

    async def close(self) -> None:
        if self._describing is not None:
            self._describing.cancel()
        await asyncio.gather(*(endpoint.server.close() for endpoint in self.endpoints))

    def _usable(self, tried: Sequence[Endpoint]) -> list[Endpoint]:
        """Those that seem ready; if there are none, the others, since a check may be wrong."""
        untried = [endpoint for endpoint in self.endpoints if endpoint.breaker.lets_in and endpoint not in tried]
        return [endpoint for endpoint in untried if endpoint.seems_ready] or untried

    def _choose(self, tried: Sequence[Endpoint]) -> Endpoint | None:
        """The one with the least in progress; among equals each in turn."""
        usable = self._usable(tried)
        if not usable:
            return None
        self._turn += 1
        least = min(endpoint.in_progress for endpoint in usable)
        idlest = [endpoint for endpoint in usable if endpoint.in_progress == least]
        return idlest[self._turn % len(idlest)]

    def _wait_s(self) -> int:
        """When one may be ready again: at the next look, or at a breaker's next trial."""
        return max(1, math.ceil(min([LOOK_EVERY_S, *(endpoint.breaker.wait_s for endpoint in self.endpoints)])))


async def _describe(endpoint: Endpoint) -> ModelDescription:
    try:
        async with asyncio.timeout(DESCRIBE_TIMEOUT_S):
            return await endpoint.server.describe()
    except TimeoutError as exc:
        raise InferenceUnavailable(f"inference did not describe its model within {DESCRIBE_TIMEOUT_S:g} s") from exc
