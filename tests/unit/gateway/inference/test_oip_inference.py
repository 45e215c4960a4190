"""The client of the Open Inference Protocol, against a server that answers what the test says."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from idc_contracts import Decision
from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.inference.oip_inference import CHUNK_IMAGES, OipInference

Handler = Callable[[httpx.Request], httpx.Response]


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


def client(handler: Handler, *, extensions: tuple[str, ...] = ("binary_tensor_data",)) -> OipInference:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2":
            return httpx.Response(200, json={"name": "a server", "version": "1", "extensions": extensions})
        return handler(request)

    return OipInference("http://inference", "idc", timeout_s=1, transport=httpx.MockTransport(handle))


def count_of(request: httpx.Request) -> int:
    length = int(request.headers["Inference-Header-Content-Length"])
    header = json.loads(request.content[:length])
    tensor = header["inputs"][0]
    assert tensor["parameters"]["binary_data_size"] == len(request.content) - length
    return int(tensor["shape"][0])


async def test_results_carry_model_and_thresholds() -> None:
    inference = client(lambda request: httpx.Response(200, json=answer(count_of(request))))

    (prediction,) = await inference.predict([b"image"], "r-1")

    assert prediction.decision is Decision.IDC
    assert (prediction.model.version, prediction.thresholds.idc_from) == ("3", 0.8)


async def test_question_for_several_requests_names_the_first_and_tells_all() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        length = int(request.headers["Inference-Header-Content-Length"])
        assert json.loads(request.content[:length])["id"] == "r-1"
        assert request.headers["X-Request-ID"] == "r-1,r-2"
        return httpx.Response(200, json=answer(2))

    assert len(await client(handle).predict([b"one", b"two"], "r-1,r-2")) == 2


async def test_server_without_the_binary_extension_gets_base64() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        (tensor,) = json.loads(request.content)["inputs"]
        assert (tensor["datatype"], tensor["parameters"]) == ("BYTES", {"content_type": "base64"})
        assert [base64.b64decode(text) for text in tensor["data"]] == [b"one", b"two"]
        return httpx.Response(200, json=answer(2))

    assert len(await client(handle, extensions=()).predict([b"one", b"two"], "r")) == 2


async def test_many_images_are_sent_in_chunks_and_come_back_in_order() -> None:
    sizes: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sizes.append(count_of(request))
        return httpx.Response(200, json=answer(sizes[-1]))

    predictions = await client(handle).predict([b"x"] * (CHUNK_IMAGES + 3), "r")

    assert sizes == [CHUNK_IMAGES, 3]
    assert len(predictions) == CHUNK_IMAGES + 3


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(503, json={"error": "warming up"}), InferenceUnavailable),
        (httpx.Response(400, json={"error": "image[0]: bad"}), InferenceRefused),
        (httpx.Response(500, json={"error": "device lost"}), InferenceBroken),
        (httpx.Response(404, text="<html>"), InferenceBroken),
        (httpx.Response(200, text="no json"), InferenceBroken),
        (httpx.Response(200, json=answer(2)), InferenceBroken),
        (httpx.Response(200, json=answer(1, parameters={})), InferenceBroken),
        (httpx.Response(200, json=answer(1, outputs=[])), InferenceBroken),
        (
            httpx.Response(200, json=answer(1, outputs=[{"name": "probability", "data": [1.5]}])),
            InferenceBroken,
        ),
    ],
)
async def test_other_answers_are_told_apart(response: httpx.Response, expected: type[InferenceError]) -> None:
    with pytest.raises(expected):
        await client(lambda _request: response).predict([b"image"], "r")


@pytest.mark.parametrize("failure", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
async def test_no_answer_is_unavailable(failure: httpx.HTTPError) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(InferenceUnavailable):
        await client(fail).predict([b"image"], "r")
    with pytest.raises(InferenceUnavailable):
        await client(fail).is_ready()


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (400, False), (404, False), (503, False)])
async def test_server_says_whether_it_is_ready(status: int, is_ready: bool) -> None:
    assert await client(lambda _request: httpx.Response(status)).is_ready() is is_ready


async def test_look_at_a_server_goes_by_a_connection_of_its_own() -> None:
    inference = OipInference("http://inference", "idc", timeout_s=1)

    assert inference._looks._transport is not inference._client._transport
    await inference.close()


@pytest.mark.parametrize(("status", "was_answered"), [(503, True), (429, True), (408, True)])
async def test_server_with_too_much_to_do_is_told_apart_from_one_that_is_gone(status: int, was_answered: bool) -> None:
    with pytest.raises(InferenceUnavailable) as failure:
        await client(lambda _request: httpx.Response(status)).predict([b"image"], "r")

    assert failure.value.was_answered is was_answered


async def test_error_that_is_nested_without_an_end_is_an_error_like_others() -> None:
    bottomless = httpx.Response(500, content=b"[" * 100_000)

    with pytest.raises(InferenceBroken, match="answered 500: no reason given"):
        await client(lambda _request: bottomless).predict([b"image"], "r")
