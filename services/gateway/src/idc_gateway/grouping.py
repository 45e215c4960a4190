"""Calls that come while others are under way go together into the next one: a hand-over to a thread serves them all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import Generic, TypeVar

from idc_gateway.errors import GatewayError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Grouping(Generic[Item, Result]):
    """One step of each request's way, done for several requests together."""

    def __init__(
        self,
        do: Callable[[list[Item]], Awaitable[Sequence[Result | GatewayError]]],
        *,
        most: int,
        at_once: int = 1,
        size_of: Callable[[Item], int] = lambda _item: 1,
    ) -> None:
        """Take the step.

        Args:
            do: Takes items, gives a result or an error for each. What it raises is raised to all of them.
            most: The size of one call, which has one item at least.
            at_once: Calls under way at one time.
            size_of: The size of an item.
        """
        self._do = do
        self._most = most
        self._at_once = at_once
        self._size_of = size_of
        self._line: list[tuple[Item, asyncio.Future[Result]]] = []
        self._under_way = 0
        self._calls: set[asyncio.Task[None]] = set()
        """Keeps them from being collected."""

    @property
    def waiting(self) -> int:
        """How many items are in no call yet."""
        return len(self._line)

    async def __call__(self, item: Item) -> Result:
        """Take part in the next call, which continues if this caller goes away."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._line.append((item, answer))
        if self._under_way < self._at_once:
            self._under_way += 1
            call = asyncio.create_task(self._run(), name="group")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        return await answer

    def leave(self, item: Item) -> bool:
        """Take an item out of the line; False where its call has begun."""
        if not self._line:
            return False
        left = [waiting for waiting in self._line if waiting[0] is not item]
        was_waiting = len(left) < len(self._line)
        self._line = left
        return was_waiting

    async def _run(self) -> None:
        try:
            await self._take_all()
        finally:
            self._under_way -= 1

    async def _take_all(self) -> None:
        while self._line:
            group = self._next_group()
            answers = [answer for _, answer in group]
            try:
                results = await self._do([item for item, _ in group])
            except Exception as exc:  # noqa: BLE001 - it belongs to those who wait for it
                _tell(answers, [exc] * len(answers))
            else:
                _tell(answers, results)

    def _next_group(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        count, size = 1, self._size_of(self._line[0][0])
        for item, _ in self._line[1:]:
            size += self._size_of(item)
            if size > self._most:
                break
            count += 1
        group, self._line = self._line[:count], self._line[count:]
        return group


def _tell(answers: list[asyncio.Future[Result]], results: Sequence[Result | Exception]) -> None:
    for answer, result in zip(answers, results, strict=True):
        if answer.done():
            continue
        if isinstance(result, GatewayError):
            # Each gets its own error: a shared traceback would grow with the number of callers.
            answer.set_exception(copy(result))
        elif isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
