"""Bodies are read with a bound, each and together."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_servicekit.body_budget import BodiesExhausted, BodyBudget, BodyTooLarge, BodyTooSlow


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(budget: BodyBudget, *parts: bytes, announced: str | None = None) -> bytes:
    async with budget.read(announced, pieces(*parts)) as body:
        return body


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_body_is_read_whole_or_refused(parts: list[bytes]) -> None:
    budget = BodyBudget(max_body_bytes=100, max_total_bytes=100, timeout_s=5)
    body = b"".join(parts)

    if len(body) <= 100:
        assert asyncio.run(read(budget, *parts)) == body
    else:
        with pytest.raises(BodyTooLarge):
            asyncio.run(read(budget, *parts))
    assert asyncio.run(read(budget, bytes(100))) == bytes(100), "all memory is free again"


@pytest.mark.parametrize("announced", ["101", "9" * 30])
async def test_announced_length_is_refused_before_a_byte_is_read(announced: str) -> None:
    async def untouched() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    with pytest.raises(BodyTooLarge):
        async with BodyBudget(max_body_bytes=100, max_total_bytes=100, timeout_s=5).read(announced, untouched()):
            pytest.fail("the body was accepted")


@pytest.mark.parametrize("announced", ["0", "-1", "abc", "", None])
async def test_lying_length_changes_nothing(announced: str | None) -> None:
    budget = BodyBudget(max_body_bytes=100, max_total_bytes=100, timeout_s=5)

    assert await read(budget, b"x" * 100, announced=announced) == b"x" * 100
    with pytest.raises(BodyTooLarge):
        await read(budget, b"x" * 101, announced=announced)


async def test_bodies_held_together_are_bounded_and_freed() -> None:
    budget = BodyBudget(max_body_bytes=100, max_total_bytes=150, timeout_s=5)

    async with budget.read(None, pieces(bytes(100))):
        with pytest.raises(BodiesExhausted):
            await read(budget, bytes(51))
        assert await read(budget, bytes(50)) == bytes(50)

    assert await read(budget, bytes(100)) == bytes(100)


async def test_silent_client_gives_its_memory_back() -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield bytes(90)
        await asyncio.Event().wait()

    budget = BodyBudget(max_body_bytes=100, max_total_bytes=100, timeout_s=0.02)

    with pytest.raises(BodyTooSlow, match="in time"):
        async with budget.read(None, silent()):
            pytest.fail("the body was accepted")

    assert await read(budget, bytes(100)) == bytes(100)
