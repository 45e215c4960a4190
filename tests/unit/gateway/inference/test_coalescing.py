"""Requests at the same time ask inference together, and each gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.inference.coalescing import MAX_IMAGES, Coalescing
from idc_gateway.inference.ports import EncodedImage, Prediction
from support.eventually import eventually
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS


def encoded(*images: bytes) -> list[EncodedImage]:
    return [EncodedImage(image) for image in images]


class Server:
    """P(IDC) is an image's length over 1,000; `bad` is refused, or as `fault` says. It answers when it is told to."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.questions: list[tuple[int, str]] = []
        self.asked: list[EncodedImage] = []
        self.failure: Exception | None = None
        self.fault: type[InferenceError] = InferenceRefused
        self.go_on = asyncio.Event()
        if is_open:
            self.go_on.set()

    async def predict(self, images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        self.questions.append((len(images), request_id))
        self.asked += images
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        if EncodedImage(b"bad") in images:
            raise self.fault(f"image[{list(images).index(EncodedImage(b'bad'))}]: no image")
        return [Prediction(len(image.data) / 1000, FAKE_MODEL, FAKE_THRESHOLDS) for image in images]


def coalescing(server: Server, *, calls: int = 2, timeout_s: float = 5.0) -> Coalescing:
    return Coalescing(server.predict, calls_at_once=calls, timeout_s=timeout_s)


async def test_lonely_request_is_asked_at_once_under_its_own_id() -> None:
    server = Server()

    (prediction,) = await coalescing(server).predict(encoded(b"x" * 500), "r-1")

    assert (prediction.probability, server.questions) == (0.5, [(1, "r-1")])


async def test_what_comes_meanwhile_goes_together_with_all_ids() -> None:
    server = Server(is_open=False)
    together = coalescing(server, calls=1)
    asking = [asyncio.ensure_future(together.predict(encoded(b"x"), "r-1"))]
    await eventually(lambda: bool(server.questions))
    asking += [asyncio.ensure_future(together.predict(encoded(b"x" * n), f"r-{n}")) for n in range(2, 6)]
    await asyncio.sleep(0)

    server.go_on.set()
    answers = await asyncio.gather(*asking)

    assert [answer[0].probability for answer in answers] == [n / 1000 for n in range(1, 6)]
    assert server.questions == [(1, "r-1"), (4, "r-2,r-3,r-4,r-5")]


@given(st.lists(st.lists(st.integers(1, 900), min_size=1, max_size=40), min_size=1, max_size=30))
async def test_every_caller_gets_the_answers_to_its_own_images(requests: list[list[int]]) -> None:
    server = Server()
    together = coalescing(server)

    answers = await asyncio.gather(
        *(together.predict(encoded(*(b"x" * n for n in request)), str(place)) for place, request in enumerate(requests))
    )

    assert [[p.probability for p in answer] for answer in answers] == [[n / 1000 for n in r] for r in requests]
    assert sum(count for count, _ in server.questions) == sum(map(len, requests))
    assert all(count <= MAX_IMAGES or "," not in ids for count, ids in server.questions)


async def test_scale_stays_with_its_image_among_those_of_other_requests() -> None:
    server = Server(is_open=False)
    together = coalescing(server, calls=1)
    asking = [asyncio.ensure_future(together.predict([EncodedImage(b"a" * n, n)], str(n))) for n in range(1, 4)]
    asking.append(asyncio.ensure_future(together.predict(encoded(b"none"), "none")))
    await asyncio.sleep(0)
    server.go_on.set()
    await asyncio.gather(*asking)

    assert [image[:2] for image in server.asked] == [(b"a", 1), (b"aa", 2), (b"aaa", 3), (b"none", None)]


@pytest.mark.parametrize("fault", [InferenceRefused, InferenceBroken])
async def test_image_that_inference_fails_at_fails_its_own_request_alone(fault: type[InferenceError]) -> None:
    server = Server(is_open=False)
    server.fault = fault
    together = coalescing(server, calls=1)
    asking = [
        asyncio.ensure_future(together.predict(encoded(image), str(n)))
        for n, image in enumerate([b"a", b"bb", b"bad", b"cc"])
    ]
    await asyncio.sleep(0)
    server.go_on.set()

    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert [isinstance(answer, fault) for answer in answers] == [False, False, True, False]
    assert str(answers[2]) == "image[0]: no image"


async def test_every_caller_gets_the_failure_with_its_remedy() -> None:
    server = Server(is_open=False)
    server.failure = InferenceUnavailable("gone", retry_after_s=7)
    together = coalescing(server, calls=1)
    asking = [asyncio.ensure_future(together.predict(encoded(b"a"), str(n))) for n in range(3)]
    await asyncio.sleep(0)
    server.go_on.set()

    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert len({id(answer) for answer in answers}) == 3
    for answer in answers:
        assert isinstance(answer, InferenceUnavailable)
        assert answer.headers == {"Retry-After": "7"}


async def test_who_gives_up_in_line_is_not_asked_for() -> None:
    server = Server(is_open=False)
    together = coalescing(server, calls=1)
    first = asyncio.ensure_future(together.predict(encoded(b"a"), "first"))
    await eventually(lambda: bool(server.questions))
    gone = asyncio.ensure_future(together.predict(encoded(b"b"), "gone"))
    await asyncio.sleep(0)
    gone.cancel()
    last = asyncio.ensure_future(together.predict(encoded(b"c"), "last"))
    await asyncio.sleep(0)
    server.go_on.set()
    await asyncio.gather(first, last)

    assert [ids for _, ids in server.questions] == ["first", "last"]


async def test_wait_in_line_counts_towards_the_deadline() -> None:
    together = coalescing(Server(is_open=False), calls=1, timeout_s=0.05)
    asking = [asyncio.ensure_future(together.predict(encoded(b"a"), str(n))) for n in range(2)]

    for answer in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(answer, InferenceUnavailable)


async def test_bug_in_a_call_reaches_those_who_wait_and_the_next_are_served() -> None:
    server = Server()
    server.failure = ZeroDivisionError("a bug")
    together = coalescing(server, calls=1)
    with pytest.raises(ZeroDivisionError):
        await together.predict(encoded(b"a"), "1")

    server.failure = None

    assert len(await together.predict(encoded(b"a"), "2")) == 1
