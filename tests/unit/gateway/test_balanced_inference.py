"""Several inference servers behind one gateway."""

import asyncio
from collections.abc import Sequence

import pytest

from idc_gateway.balanced_inference import PROBE_INTERVAL_S, BalancedInference, Endpoint
from idc_gateway.circuit_breaker import FAILURES_TO_OPEN
from idc_gateway.classifications import Prediction
from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.fakes import RednessInference
from idc_gateway.ports import ModelDescription
from support.demo_patches import solid_png

PATCH = [solid_png((200, 0, 0))]


class SlowInference(RednessInference):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        self.request_ids.append(request_id)
        await self.go_on.wait()
        self.request_ids.pop()
        return await super().predict(images, request_id)


def balanced(*servers: RednessInference, timeout_s: float = 5.0) -> BalancedInference:
    return BalancedInference(
        [Endpoint(f"http://server-{number}", server) for number, server in enumerate(servers)], timeout_s=timeout_s
    )


async def test_equally_idle_servers_take_turns() -> None:
    servers = [RednessInference() for _ in range(3)]
    inference = balanced(*servers)

    for number in range(9):
        await inference.predict(PATCH, str(number))

    assert [len(server.request_ids) for server in servers] == [3, 3, 3]


async def test_server_with_the_least_work_is_asked() -> None:
    slow, fast = SlowInference(), RednessInference()
    inference = balanced(slow, fast)
    waiting = [asyncio.ensure_future(inference.predict(PATCH, "slow")) for _ in range(2)]
    await asyncio.sleep(0)

    for _ in range(4):
        await inference.predict(PATCH, "fast")

    assert fast.request_ids.count("fast") == 4
    slow.go_on.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("failure", [InferenceUnavailable("gone"), InferenceBroken("nonsense")])
async def test_another_server_is_asked_where_one_fails(failure: InferenceError) -> None:
    broken, working = RednessInference(), RednessInference()
    broken.failure = failure
    inference = balanced(broken, working)

    for _ in range(6):
        assert len(await inference.predict(PATCH, "r")) == 1

    assert len(working.request_ids) == 6


async def test_refused_image_is_not_offered_to_another_server() -> None:
    servers = [RednessInference(), RednessInference()]
    for server in servers:
        server.failure = InferenceRefused("image[0]: no image")
    inference = balanced(*servers)

    for _ in range(2 * FAILURES_TO_OPEN):
        with pytest.raises(InferenceRefused):
            await inference.predict(PATCH, "r")

    assert [state.breaker for state in inference.states] == ["closed", "closed"]


async def test_server_that_keeps_failing_is_left_alone_for_a_while() -> None:
    broken, working = RednessInference(), RednessInference()
    broken.failure = InferenceUnavailable("gone")
    inference = balanced(broken, working)
    for _ in range(2 * FAILURES_TO_OPEN):
        await inference.predict(PATCH, "r")

    broken.failure = None  # nobody notices: it is not asked now
    await inference.predict(PATCH, "r")

    assert broken.request_ids == []
    assert inference.states[0].breaker == "open"


async def test_server_that_is_not_ready_is_not_asked_until_it_is() -> None:
    starting, working = RednessInference(), RednessInference()
    starting.ready = False
    inference = balanced(starting, working)
    assert await inference.is_ready()
    for _ in range(4):
        await inference.predict(PATCH, "r")
    assert starting.request_ids == []

    starting.ready = True
    await inference.is_ready()
    for _ in range(4):
        await inference.predict(PATCH, "r")

    assert len(starting.request_ids) == 2


async def test_answer_without_any_ready_server_says_when_to_come_back() -> None:
    server = RednessInference()
    server.ready = False
    inference = balanced(server)
    assert not await inference.is_ready()

    with pytest.raises(InferenceUnavailable, match="no inference server is ready") as refusal:
        await inference.predict(PATCH, "r")

    assert refusal.value.answer_headers() == {"Retry-After": str(int(PROBE_INTERVAL_S))}


async def test_all_tries_share_one_deadline() -> None:
    inference = balanced(SlowInference(), SlowInference(), timeout_s=0.05)

    with pytest.raises(InferenceUnavailable, match=r"within 0\.05 s"):
        await inference.predict(PATCH, "r")

    assert [state.in_progress for state in inference.states] == [0, 0]


async def test_model_that_several_servers_have_is_told_once() -> None:
    assert len(await balanced(RednessInference(), RednessInference()).describe()) == 1


async def test_models_are_told_where_any_server_answers() -> None:
    class Mute(RednessInference):
        async def describe(self) -> ModelDescription:
            raise InferenceUnavailable("gone")

    assert len(await balanced(Mute(), RednessInference()).describe()) == 1
    with pytest.raises(InferenceUnavailable):
        await balanced(Mute()).describe()
