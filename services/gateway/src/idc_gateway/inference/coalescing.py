"""Requests that come at the same time ask inference together: one question for many costs little more than for one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.inference.ports import Prediction

MAX_IMAGES: Final = 32
"""In one question made of several requests."""
CALLS_PER_SERVER: Final = 2
"""While one question is computed, the next is on its way."""
SHARE: Final = 4
"""A question waits until a quarter of the requests in progress have joined it …"""
HOLD_S: Final = 0.03
"""… but no longer than this; a request that is alone, or one of few, never waits."""
SEVERAL_IDS: Final = ","
"""Between the ids of the requests that one question is for."""

Predict = Callable[[Sequence[bytes], str], Awaitable[list[Prediction]]]
PredictInCompany = Callable[[Sequence[bytes], str, int], Awaitable[list[Prediction]]]


@dataclass(frozen=True)
class _Waiting:
    images: Sequence[bytes]
    request_id: str
    answer: asyncio.Future[list[Prediction]]


class Coalescing:
    """Asks at once where few requests are in progress; where many are, those that come together go together."""

    def __init__(self, predict: Predict, *, calls_at_once: int, timeout_s: float) -> None:
        """Make it.

        Args:
            predict: Asks inference; see `Inference.predict`. Several ids come with commas between them.
            calls_at_once: Questions under way at one time.
            timeout_s: Longest wait for an answer, with the time in line.
        """
        self._predict = predict
        self._calls_at_once = calls_at_once
        self._timeout_s = timeout_s
        self._line: deque[_Waiting] = deque()
        self._hold: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def predict(self, images: Sequence[bytes], request_id: str, company: int = 1) -> list[Prediction]:
        """Classify encoded images, in their order.

        Args:
            images: Encoded.
            request_id: Who asks.
            company: How many requests are in progress now, this one among them.

        Raises:
            InferenceUnavailable: No answer, or not in time.
            InferenceRefused: Inference takes these images for wrong.
            InferenceBroken: The answer does not follow the protocol.
        """
        waiting = _Waiting(images, request_id, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        if len(self._line) >= min(company // SHARE, MAX_IMAGES):
            self._send()
        elif self._hold is None:
            self._hold = asyncio.get_running_loop().call_later(HOLD_S, self._send)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await waiting.answer
        except TimeoutError as exc:
            raise InferenceUnavailable(f"inference did not answer within {self._timeout_s:g} s: try again") from exc

    def _send(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        while self._line and len(self._calls) < self._calls_at_once:
            group = self._next_group()
            if group:
                call = asyncio.create_task(self._ask(group), name="inference call")
                self._calls.add(call)
                call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        if self._hold is None:
            self._send()

    def _next_group(self) -> list[_Waiting]:
        """From the front of the line what fits together; whoever gave up waiting is left out."""
        group: list[_Waiting] = []
        count = 0
        while self._line and (not group or count + len(self._line[0].images) <= MAX_IMAGES):
            waiting = self._line.popleft()
            if not waiting.answer.done():
                group.append(waiting)
                count += len(waiting.images)
        return group

    async def _ask(self, group: Sequence[_Waiting]) -> None:
        images = [image for waiting in group for image in waiting.images]
        try:
            predictions = await self._predict(images, SEVERAL_IDS.join(waiting.request_id for waiting in group))
        except (InferenceRefused, InferenceBroken) as exc:
            if len(group) == 1:
                _fail(group, exc)
            else:  # one of them may be to blame: each asks for itself
                await asyncio.gather(*(self._ask([waiting]) for waiting in group))
        except Exception as exc:  # noqa: BLE001 - it belongs to those who wait
            _fail(group, exc)
        else:
            _answer(group, predictions)


def _answer(group: Sequence[_Waiting], predictions: Sequence[Prediction]) -> None:
    start = 0
    for waiting in group:
        end = start + len(waiting.images)
        if not waiting.answer.done():
            waiting.answer.set_result(list(predictions[start:end]))
        start = end


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            # Each gets an error of its own: one traceback must not grow with those who wait.
            waiting.answer.set_exception(error.again() if isinstance(error, InferenceError) else error)
