"""The memory for uploads: who waits gets it in turn, and nobody waits for those who wait, too."""

import asyncio

import pytest

from idc_servicekit import memory_budget
from idc_servicekit.memory_budget import BodiesExhausted, Lease, MemoryBudget
from support.eventually import eventually


async def test_request_that_began_first_is_served_first() -> None:
    budget = MemoryBudget(100)
    served: list[str] = []

    async def wait(name: str, lease: Lease, size_bytes: int) -> None:
        await lease.take_when_free(size_bytes, 30)
        served.append(name)

    with budget.lease() as older, budget.lease() as younger:
        with budget.lease() as holder:
            holder.take(100)
            waiting = [asyncio.create_task(wait("younger", younger, 10)), asyncio.create_task(wait("older", older, 90))]
            await asyncio.sleep(0)
            holder.give_back(50)
            await asyncio.sleep(0)
            assert served == [], "small ones do not overtake for as long as they like"
        await asyncio.gather(*waiting)

    assert served == ["older", "younger"]


async def test_bodies_that_wait_for_each_other_all_come_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "STALL_S", 0.01)
    budget = MemoryBudget(100, overdraft_bytes=60)

    async def read() -> None:
        with budget.lease() as lease:
            await lease.take_when_free(50, 30)
            await asyncio.sleep(0)
            await lease.take_when_free(50, 30)

    await asyncio.gather(*(read() for _ in range(6)))

    budget.take(100)


async def test_overdraft_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "STALL_S", 0.001)
    budget = MemoryBudget(100, overdraft_bytes=60)

    with budget.lease() as lease:
        lease.take(100)
        await lease.take_when_free(60, 30)
        with pytest.raises(BodiesExhausted, match="held all the memory"):
            await lease.take_when_free(1, 0.05)
        assert lease.held_bytes == 160


@pytest.mark.parametrize("size_bytes", [30, 80])
async def test_waiting_that_is_given_up_leaves_nothing_behind(size_bytes: int) -> None:
    budget = MemoryBudget(100)
    with budget.lease() as holder, budget.lease() as late:
        holder.take(90)
        waiting = asyncio.create_task(late.take_when_free(size_bytes, 30))
        await asyncio.sleep(0)
        waiting.cancel()
        holder.give_back(90)  # at the same moment
        with pytest.raises(asyncio.CancelledError):
            await waiting

    budget.take(100)


async def test_memory_that_comes_after_the_end_of_its_request_is_given_back() -> None:
    budget = MemoryBudget(100)
    with budget.lease() as holder:
        holder.take(100)
        with budget.lease() as ended:
            late = asyncio.create_task(ended.take_when_free(40, 30))
            await asyncio.sleep(0)
    await late

    budget.take(100)
    with pytest.raises(BodiesExhausted, match="ended"):
        ended.take(1)


async def test_more_is_never_given_back_than_is_held() -> None:
    budget = MemoryBudget(100)
    with budget.lease() as lease:
        lease.take(10)
        lease.give_back(50)

    budget.take(100)
    with pytest.raises(BodiesExhausted):
        budget.take(1)


async def test_line_moves_on_when_its_first_gives_up() -> None:
    budget = MemoryBudget(100)
    with budget.lease() as holder, budget.lease() as large, budget.lease() as small:
        holder.take(50)
        first = asyncio.create_task(large.take_when_free(80, 30))
        await asyncio.sleep(0)
        second = asyncio.create_task(small.take_when_free(20, 30))
        await asyncio.sleep(0)
        first.cancel()
        await eventually(second.done)
        assert small.held_bytes == 20


async def test_nothing_is_watched_when_no_one_waits_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "STALL_S", 0.02)
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
    budget = MemoryBudget(100)
    with budget.lease() as holder, budget.lease() as late:
        holder.take(100)
        with pytest.raises(BodiesExhausted, match="held all the memory"):
            await late.take_when_free(1, 0.001)
        await asyncio.sleep(0.05)

    assert faults == []
