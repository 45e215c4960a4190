"""What comes while a call is under way goes together into the next; each item gets its own answer."""

import asyncio

import pytest

from idc_gateway.errors import NotAnImage, StoreUnavailable
from idc_gateway.grouping import Grouping


class Step:
    """Doubles numbers when the test lets it; refuses odd ones."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.groups: list[list[int]] = []

    async def __call__(self, numbers: list[int]) -> list[int | NotAnImage]:
        self.groups.append(numbers)
        await self.go_on.wait()
        return [NotAnImage(f"{number} is odd") if number % 2 else number * 2 for number in numbers]


async def _started(*calls: "asyncio.Task[int]") -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(call.done() for call in calls)


async def test_first_goes_at_once_and_those_behind_it_together() -> None:
    step = Step()
    doubled = Grouping[int, int](step, most=3)
    calls = [asyncio.create_task(doubled(0))]
    await _started(*calls)
    calls += [asyncio.create_task(doubled(number)) for number in (2, 4, 6, 8)]
    await _started(*calls)

    step.go_on.set()

    assert await asyncio.gather(*calls) == [0, 4, 8, 12, 16]
    assert step.groups == [[0], [2, 4, 6], [8]]
    assert await doubled(10) == 20  # and again, after all have ended


async def test_every_caller_of_a_failed_call_gets_an_error_of_its_own() -> None:
    async def fail(_numbers: list[int]) -> list[int]:
        raise StoreUnavailable("the disk is full")

    failing = Grouping[int, int](fail, most=9)
    calls = [asyncio.create_task(failing(number)) for number in (1, 2)]
    errors = await asyncio.gather(*calls, return_exceptions=True)

    assert [str(error) for error in errors] == ["the disk is full"] * 2
    assert errors[0] is not errors[1]


async def test_caller_who_left_the_line_is_skipped_and_delays_no_one() -> None:
    step = Step()
    doubled = Grouping[int, int](step, most=9)
    first = asyncio.create_task(doubled(0))
    await _started(first)
    others = [asyncio.create_task(doubled(number)) for number in (2, 4)]
    await _started(*others)

    assert doubled.leave(2)
    assert not doubled.leave(0)
    others[0].cancel()
    first.cancel()
    step.go_on.set()

    assert await others[1] == 8
    assert step.groups == [[0], [4]]
    with pytest.raises(asyncio.CancelledError):
        await first
