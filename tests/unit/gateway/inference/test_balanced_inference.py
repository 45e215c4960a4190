"""Several inference servers behind one gateway."""

import asyncio
from collections.abc import Sequence

import pytest

from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.inference import balanced as balanced_inference
from idc_gateway.inference import endpoint
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.inference.circuit_breaker import FAILURES_TO_OPEN
from idc_gateway.inference.endpoint import LOOK_EVERY_S, MISSES_TO_DOUBT, STALE_AFTER_S, Endpoint
from idc_gateway.inference.ports import EncodedImage, ModelDescription, Prediction
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import RednessInference

PATCH = [EncodedImage(solid_png((200, 0, 0)))]


class SlowInference(RednessInference):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def predict(self, images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
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
    await inference.look()
    assert inference.is_ready
    for _ in range(4):
        await inference.predict(PATCH, "r")
    assert starting.request_ids == []

    starting.ready = True
    await inference.look()
    for _ in range(4):
        await inference.predict(PATCH, "r")

    assert len(starting.request_ids) == 2


async def test_server_that_is_left_alone_says_when_to_come_back() -> None:
    server = RednessInference()
    server.failure = InferenceUnavailable("gone")
    inference = balanced(server)
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(InferenceUnavailable, match="gone"):
            await inference.predict(PATCH, "r")

    with pytest.raises(InferenceUnavailable, match="no inference server is ready") as refusal:
        await inference.predict(PATCH, "r")

    assert 1 <= int(refusal.value.headers["Retry-After"]) <= int(LOOK_EVERY_S)


async def test_only_server_is_asked_even_where_it_says_that_it_is_not_ready() -> None:
    server = RednessInference()
    server.ready = False
    inference = balanced(server)
    await inference.look()
    assert not inference.is_ready

    assert len(await inference.predict(PATCH, "r")) == 1

    assert inference.is_ready, "who answers is ready"


class Mumbling(RednessInference):
    """Fails at being asked whether it is ready, in the way that is set."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__()
        self.fault = fault
        self.looks = 0

    async def is_ready(self) -> bool:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return True


class Hanging(Mumbling):
    """Never says whether it is ready, while it is told so."""

    hangs = True

    async def is_ready(self) -> bool:
        self.looks += 1
        if self.hangs:
            await asyncio.Event().wait()
        return True


@pytest.mark.parametrize("fault", [InferenceUnavailable("reset"), RuntimeError("a bug"), TimeoutError()])
async def test_one_failed_look_does_not_take_a_server_out_and_more_do(fault: Exception) -> None:
    server = Mumbling()
    inference = balanced(server)
    await inference.look()
    server.fault = fault

    await inference.look()
    assert inference.is_ready
    for _ in range(MISSES_TO_DOUBT - 1):
        await inference.look()
    assert not inference.is_ready
    server.fault = None
    await inference.look()

    assert inference.is_ready


async def test_look_that_hangs_is_ended_from_outside_and_keeps_no_other_from_being_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "LOOK_TIMEOUT_S", 0.02)
    monkeypatch.setattr(endpoint, "LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr(endpoint, "LOOK_EVERY_S", 0.02)
    hanging, well = Hanging(), Mumbling()
    inference = balanced(hanging, well)
    watching = asyncio.create_task(inference.run())

    await eventually(lambda: not inference.states[0].is_ready and hanging.looks >= 3)
    assert inference.states[1].is_ready
    hanging.hangs = False
    await eventually(lambda: inference.states[0].is_ready)

    watching.cancel()


async def test_truth_is_known_within_ten_seconds() -> None:
    longest_s = endpoint.LOOK_EVERY_S + MISSES_TO_DOUBT * endpoint.LOOK_TIMEOUT_S + endpoint.LOOK_AGAIN_S

    assert longest_s < STALE_AFTER_S == 10


async def test_finding_that_is_old_does_not_count() -> None:
    now_s = 100.0
    watched = Endpoint("http://server", RednessInference(), clock=lambda: now_s)
    inference = BalancedInference([watched], timeout_s=5)
    assert not inference.is_ready, "nobody has looked yet"
    await inference.look()
    assert inference.is_ready

    now_s += STALE_AFTER_S + 1

    assert not inference.is_ready
    assert inference.states[0].looked_s_ago == STALE_AFTER_S + 1


async def test_server_that_comes_back_is_asked_at_once() -> None:
    server = RednessInference()
    inference = balanced(server)
    await inference.look()
    server.ready, server.failure = False, InferenceUnavailable("gone")
    await inference.look()
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(InferenceUnavailable):
            await inference.predict(PATCH, "r")
    assert inference.states[0].breaker == "open"

    server.ready, server.failure = True, None
    await inference.look()

    assert len(await inference.predict(PATCH, "r")) == 1
    assert inference.is_ready


async def test_request_at_which_every_server_fails_takes_none_out() -> None:
    servers = [RednessInference(), RednessInference()]
    inference = balanced(*servers)
    for server in servers:
        server.failure = InferenceBroken("500: no number")
    for _ in range(3 * FAILURES_TO_OPEN):
        with pytest.raises(InferenceBroken):
            await inference.predict(PATCH, "r")
    for server in servers:
        server.failure = None

    assert len(await inference.predict(PATCH, "r")) == 1
    assert [state.breaker for state in inference.states] == ["closed", "closed"]


async def test_server_that_alone_fails_at_what_others_can_is_left_alone() -> None:
    broken, working = RednessInference(), RednessInference()
    broken.failure = InferenceBroken("500")
    inference = balanced(broken, working)

    for _ in range(2 * FAILURES_TO_OPEN):
        await inference.predict(PATCH, "r")

    assert [state.breaker for state in inference.states] == ["open", "closed"]


async def test_server_with_too_much_to_do_is_not_left_alone() -> None:
    server = RednessInference()
    server.failure = InferenceUnavailable("busy", was_answered=True)
    inference = balanced(server)
    for _ in range(2 * FAILURES_TO_OPEN):
        with pytest.raises(InferenceUnavailable, match="busy"):
            await inference.predict(PATCH, "r")

    server.failure = None

    assert len(await inference.predict(PATCH, "r")) == 1


async def test_server_that_hangs_leaves_time_for_another_and_its_breaker_learns_of_it() -> None:
    hanging, working = SlowInference(), RednessInference()
    inference = balanced(hanging, working, timeout_s=3)

    for _ in range(2 * FAILURES_TO_OPEN):
        assert len(await inference.predict(PATCH, "r")) == 1

    assert inference.states[0].breaker == "open"


async def test_all_tries_share_one_deadline() -> None:
    inference = balanced(SlowInference(), SlowInference(), timeout_s=0.05)

    with pytest.raises(InferenceUnavailable, match=r"within 0\.05 s"):
        await inference.predict(PATCH, "r")

    assert [state.in_progress for state in inference.states] == [0, 0]


async def test_model_that_several_servers_have_is_reported_once() -> None:
    assert len(await balanced(RednessInference(), RednessInference()).describe()) == 1


async def test_those_who_ask_for_models_share_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(RednessInference):
        asked = 0

        async def describe(self) -> ModelDescription:
            self.asked += 1
            await asyncio.sleep(0)
            return await super().describe()

    server = Counted()
    inference = balanced(server)
    await asyncio.gather(*(inference.describe() for _ in range(20)))
    await inference.describe()
    assert server.asked == 1

    monkeypatch.setattr(balanced_inference, "DESCRIBED_FOR_S", -1)
    await inference.describe()

    assert server.asked == 2


async def test_models_are_reported_while_a_server_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(RednessInference):
        async def describe(self) -> ModelDescription:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(balanced_inference, "DESCRIBE_TIMEOUT_S", 0.02)

    assert len(await balanced(Mute(), RednessInference()).describe()) == 1
    with pytest.raises(InferenceUnavailable, match="within"):
        await balanced(Mute()).describe()


async def test_models_are_reported_where_any_server_answers() -> None:
    class Mute(RednessInference):
        async def describe(self) -> ModelDescription:
            raise InferenceUnavailable("gone")

    assert len(await balanced(Mute(), RednessInference()).describe()) == 1
    with pytest.raises(InferenceUnavailable):
        await balanced(Mute()).describe()
