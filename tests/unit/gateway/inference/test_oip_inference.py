"""The client of the Open Inference Protocol, against a server that answers what the test says."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from idc_contracts import Decision
from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.inference.oip_inference import CHUNK_IMAGES, OipInference
from support.answering_server import answering


@dataclass(frozen=True)
class Asked:
    headers: dict[str, str]
    body: bytes


Handler = Callable[[Asked], web.Response | None]
"""None cuts the connection off."""
Serve = Callable[..., Awaitable[OipInference]]


def answer(count: int, **changes: Any) -> dict[str, Any]:
    return {
        "model_name": "idc",
        "model_version": "3",
        "parameters": {"sha256": "ab" * 32, "no_idc_below": 0.2, "idc_from": 0.8},
        "outputs": [
            {"name": "probability", "datatype": "FP32", "shape": [count], "data": [0.9] * count},
            {"name": "decision", "datatype": "BYTES", "shape": [count], "data": ["idc"] * count},
        ],
    } | changes


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Gives a client of a server that answers by a handler."""
    async with AsyncExitStack() as stack:

        async def make(handler: Handler, extensions: tuple[str, ...] = ("binary_tensor_data",)) -> OipInference:
            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                if request.path == "/v2":
                    return web.json_response({"name": "a server", "version": "1", "extensions": extensions})
                said = handler(Asked(dict(request.headers), await request.read()))
                if said is None:
                    assert request.transport is not None
                    request.transport.abort()
                return said or web.Response()

            port = await stack.enter_async_context(answering(handle))
            inference = OipInference(f"http://127.0.0.1:{port}", "idc")
            stack.push_async_callback(inference.close)
            return inference

        yield make


def count_of(asked: Asked) -> int:
    length = int(asked.headers["Inference-Header-Content-Length"])
    header = json.loads(asked.body[:length])
    tensor = header["inputs"][0]
    assert tensor["parameters"]["binary_data_size"] == len(asked.body) - length
    return int(tensor["shape"][0])


async def test_results_carry_model_and_thresholds(serve: Serve) -> None:
    inference = await serve(lambda asked: web.json_response(answer(count_of(asked))))

    (prediction,) = await inference.predict([b"image"], "r-1")

    assert prediction.decision is Decision.IDC
    assert (prediction.model.version, prediction.thresholds.idc_from) == ("3", 0.8)


async def test_question_for_several_requests_names_the_first_and_has_all_ids(serve: Serve) -> None:
    def handle(asked: Asked) -> web.Response:
        length = int(asked.headers["Inference-Header-Content-Length"])
        assert json.loads(asked.body[:length])["id"] == "r-1"
        assert asked.headers["X-Request-ID"] == "r-1,r-2"
        return web.json_response(answer(2))

    assert len(await (await serve(handle)).predict([b"one", b"two"], "r-1,r-2")) == 2


async def test_server_without_the_binary_extension_gets_base64(serve: Serve) -> None:
    def handle(asked: Asked) -> web.Response:
        (tensor,) = json.loads(asked.body)["inputs"]
        assert (tensor["datatype"], tensor["parameters"]) == ("BYTES", {"content_type": "base64"})
        assert [base64.b64decode(text) for text in tensor["data"]] == [b"one", b"two"]
        return web.json_response(answer(2))

    assert len(await (await serve(handle, extensions=())).predict([b"one", b"two"], "r")) == 2


async def test_many_images_are_sent_in_chunks_and_come_back_in_order(serve: Serve) -> None:
    sizes: list[int] = []

    def handle(asked: Asked) -> web.Response:
        sizes.append(count_of(asked))
        return web.json_response(answer(sizes[-1]))

    predictions = await (await serve(handle)).predict([bytes(4000)] * (CHUNK_IMAGES + 3), "r")

    assert sizes == [CHUNK_IMAGES, 3]
    assert len(predictions) == CHUNK_IMAGES + 3


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (503, {"error": "warming up"}, InferenceUnavailable),
        (400, {"error": "image[0]: bad"}, InferenceRefused),
        (500, {"error": "device lost"}, InferenceBroken),
        (301, {"error": "elsewhere"}, InferenceBroken),
        (404, "<html>", InferenceBroken),
        (200, "no json", InferenceBroken),
        (200, answer(2), InferenceBroken),
        (200, answer(1, parameters={}), InferenceBroken),
        (200, answer(1, outputs=[]), InferenceBroken),
        (200, answer(1, outputs=[{"name": "probability", "data": [1.5]}]), InferenceBroken),
    ],
)
async def test_other_answers_are_distinguished(
    serve: Serve, status: int, said: object, expected: type[InferenceError]
) -> None:
    inference = await serve(lambda _asked: web.json_response(said, status=status, headers={"Location": "/ready"}))

    with pytest.raises(expected):
        await inference.predict([b"image"], "r")


async def test_no_answer_is_unavailable(serve: Serve) -> None:
    inference = await serve(lambda _asked: None)

    with pytest.raises(InferenceUnavailable):
        await inference.predict([b"image"], "r")
    with pytest.raises(InferenceUnavailable):
        await inference.is_ready()


async def test_server_that_is_away_is_unavailable() -> None:
    inference = OipInference("http://127.0.0.1:1", "idc")

    with pytest.raises(InferenceUnavailable, match="does not answer"):
        await inference.predict([b"image"], "r")
    await inference.close()


async def test_connection_that_was_closed_while_it_rested_is_opened_again(serve: Serve) -> None:
    times = iter(range(9))

    def handle(asked: Asked) -> web.Response | None:
        return None if next(times) == 1 else web.json_response(answer(count_of(asked)))

    inference = await serve(handle)

    for _ in range(3):
        assert len(await inference.predict([b"image"], "r")) == 1


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (400, False), (404, False), (503, False)])
async def test_server_says_whether_it_is_ready(serve: Serve, status: int, is_ready: bool) -> None:
    assert await (await serve(lambda _asked: web.Response(status=status))).is_ready() is is_ready


async def test_probes_have_connections_of_their_own(serve: Serve) -> None:
    inference = await serve(lambda _asked: web.json_response(answer(1)))
    assert await inference.predict([b"image"], "r")

    assert await inference.is_ready()
    assert inference._client._session is not inference._probes._session


@pytest.mark.parametrize("status", [503, 429, 408])
async def test_server_with_too_much_to_do_is_distinguished_from_one_that_is_gone(serve: Serve, status: int) -> None:
    inference = await serve(lambda _asked: web.Response(status=status))

    with pytest.raises(InferenceUnavailable) as failure:
        await inference.predict([b"image"], "r")

    assert failure.value.was_answered


async def test_error_that_is_nested_without_an_end_is_an_error_like_others(serve: Serve) -> None:
    inference = await serve(lambda _asked: web.Response(status=500, body=b"[" * 100_000))

    with pytest.raises(InferenceBroken, match="answered 500: no reason given"):
        await inference.predict([b"image"], "r")
