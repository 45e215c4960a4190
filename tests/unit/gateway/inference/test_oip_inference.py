"""The client of the Open Inference Protocol, against a server that answers what the test says."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest
from aiohttp import web

from idc_contracts import Check, Reason
from idc_gateway.errors import InferenceBroken, InferenceError, InferenceRefused, InferenceUnavailable
from idc_gateway.inference.oip_inference import CHUNK_IMAGES, OipInference
from idc_gateway.inference.ports import EncodedImage
from support.answering_server import answering

IMAGE = EncodedImage(b"image")


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

        async def make(
            handler: Handler,
            extensions: tuple[str, ...] = ("binary_tensor_data",),
            patch_shape: tuple[int, ...] | None = None,
            *,
            asks_for_the_model: bool = False,
        ) -> OipInference:
            patches = [{"name": "patch", "datatype": "UINT8", "shape": patch_shape}] if patch_shape else []

            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                if request.path == "/v2":
                    return web.json_response({"name": "a server", "version": "1", "extensions": extensions})
                if request.path == "/v2/models/idc" and not asks_for_the_model:
                    return web.json_response({"name": "idc", "inputs": patches})
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


def input_of(asked: Asked) -> dict[str, Any]:
    header = json.loads(asked.body[: int(asked.headers["Inference-Header-Content-Length"])])
    (tensor,) = header["inputs"]
    return {name: tensor[name] for name in ("name", "datatype", "shape")}


ENCODED: Final = {"name": "image", "datatype": "BYTES", "shape": [2]}
DECODED: Final = {"name": "patch", "datatype": "UINT8", "shape": [2, 50, 50, 3]}
PIXELS: Final = bytes(range(250)) * 30


@pytest.mark.parametrize(
    ("patch_shape", "images", "sent"),
    [
        ((-1, 50, 50, 3), [EncodedImage(b"a", None, PIXELS)] * 2, DECODED),
        ((-1, 50, 50, 3), [EncodedImage(b"a", None, PIXELS), EncodedImage(b"another size")], ENCODED),
        ((-1, 96, 96, 3), [EncodedImage(b"a", None, PIXELS)] * 2, ENCODED),
        (None, [EncodedImage(b"a", None, PIXELS)] * 2, ENCODED),
    ],
    ids=["all are patches", "one is none", "the model takes others", "the server takes images alone"],
)
async def test_decoded_patches_are_sent_where_server_and_images_allow(
    serve: Serve, patch_shape: tuple[int, ...] | None, images: list[EncodedImage], sent: dict[str, Any]
) -> None:
    seen: list[Asked] = []

    def handle(asked: Asked) -> web.Response:
        seen.append(asked)
        return web.json_response(answer(2))

    assert len(await (await serve(handle, patch_shape=patch_shape)).predict(images, "r")) == 2
    assert [input_of(asked) for asked in seen] == [sent]
    if sent is DECODED:
        assert seen[0].body.endswith(PIXELS * 2)


async def test_server_that_refuses_decoded_patches_gets_the_images(serve: Serve) -> None:
    seen: list[dict[str, Any]] = []

    def handle(asked: Asked) -> web.Response:
        seen.append(input_of(asked))
        if seen[-1] == DECODED:
            return web.json_response({"error": "input 'patch' must be UINT8 [N, 96, 96, 3]"}, status=400)
        return web.json_response(answer(2))

    inference = await serve(handle, patch_shape=(-1, 50, 50, 3))

    assert len(await inference.predict([EncodedImage(b"a", None, PIXELS)] * 2, "r")) == 2
    assert seen == [DECODED, ENCODED]


async def test_results_carry_model_and_thresholds(serve: Serve) -> None:
    inference = await serve(lambda asked: web.json_response(answer(count_of(asked))))

    (prediction,) = await inference.predict([IMAGE], "r-1")

    assert (prediction.probability, prediction.reasons) == (0.9, ())
    assert (prediction.model.version, prediction.thresholds.idc_from) == ("3", 0.8)


CHECKS = '[{"reason": "little_tissue", "output": "glass", "from_value": 0.5}]'


def checked(*glass: object) -> dict[str, Any]:
    """The answer of a server whose model has a check."""
    whole = answer(len(glass))
    whole["parameters"]["checks"] = CHECKS
    whole["outputs"].append({"name": "glass", "datatype": "FP32", "shape": [len(glass)], "data": glass})
    return whole


async def test_checks_of_the_model_give_each_image_its_reasons(serve: Serve) -> None:
    inference = await serve(lambda _asked: web.json_response(checked(0.49, 0.5, 7)))

    predictions = await inference.predict([IMAGE] * 3, "r")

    assert [prediction.reasons for prediction in predictions] == [(), (Reason.LITTLE_TISSUE,), (Reason.LITTLE_TISSUE,)]


async def test_output_without_a_check_gives_no_reason(serve: Serve) -> None:
    said = checked(1.0)
    del said["parameters"]["checks"]
    inference = await serve(lambda _asked: web.json_response(said))

    assert (await inference.predict([IMAGE], "r"))[0].reasons == ()


async def test_decision_of_the_server_counts_for_nothing_beside_its_thresholds(serve: Serve) -> None:
    said = answer(1)
    said["outputs"] = [{"name": "probability", "data": [0.5]}, {"name": "decision", "data": ["idc"]}]
    inference = await serve(lambda _asked: web.json_response(said))

    assert (await inference.predict([IMAGE], "r"))[0].reasons == (Reason.BETWEEN_THRESHOLDS,)


async def test_scales_are_a_tensor_of_their_own_where_one_was_stated(serve: Serve) -> None:
    asked_for: list[Any] = []

    def handle(asked: Asked) -> web.Response:
        head = asked.body[: int(asked.headers.get("Inference-Header-Content-Length", len(asked.body)))]
        asked_for.append(json.loads(head)["inputs"][1:])
        return web.json_response(answer(2))

    for extensions in (("binary_tensor_data",), ()):
        inference = await serve(handle, extensions=extensions)
        await inference.predict([IMAGE, IMAGE], "r")
        await inference.predict([IMAGE, EncodedImage(b"image", 0.5)], "r")

    scales = [{"name": "um_per_px", "datatype": "FP32", "shape": [2], "data": [0.0, 0.5]}]
    assert asked_for == [[], scales, [], scales]


async def test_description_has_the_checks_or_says_that_they_are_unknown(serve: Serve) -> None:
    metadata = {"name": "idc", "versions": ["3"], "parameters": {"version": "3", "checks": CHECKS}}
    inference = await serve(lambda _asked: web.json_response(metadata), asks_for_the_model=True)

    described = await inference.describe()
    metadata["parameters"] = {}

    assert described.checks == (Check(reason=Reason.LITTLE_TISSUE, output="glass", from_value=0.5),)
    assert (await inference.describe()).checks is None


async def test_question_for_several_requests_names_the_first_and_tells_all(serve: Serve) -> None:
    def handle(asked: Asked) -> web.Response:
        length = int(asked.headers["Inference-Header-Content-Length"])
        assert json.loads(asked.body[:length])["id"] == "r-1"
        assert asked.headers["X-Request-ID"] == "r-1,r-2"
        return web.json_response(answer(2))

    assert len(await (await serve(handle)).predict([EncodedImage(b"one"), EncodedImage(b"two")], "r-1,r-2")) == 2


async def test_server_without_the_binary_extension_gets_base64(serve: Serve) -> None:
    def handle(asked: Asked) -> web.Response:
        (tensor,) = json.loads(asked.body)["inputs"]
        assert (tensor["datatype"], tensor["parameters"]) == ("BYTES", {"content_type": "base64"})
        assert [base64.b64decode(text) for text in tensor["data"]] == [b"one", b"two"]
        return web.json_response(answer(2))

    assert (
        len(await (await serve(handle, extensions=())).predict([EncodedImage(b"one"), EncodedImage(b"two")], "r")) == 2
    )


async def test_many_images_are_sent_in_chunks_and_come_back_in_order(serve: Serve) -> None:
    sizes: list[int] = []

    def handle(asked: Asked) -> web.Response:
        sizes.append(count_of(asked))
        return web.json_response(answer(sizes[-1]))

    predictions = await (await serve(handle)).predict([EncodedImage(bytes(4000))] * (CHUNK_IMAGES + 3), "r")

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
        (200, answer(1, outputs=[{"name": "probability", "data": ["idc"]}]), InferenceBroken),
        (200, checked(0.1, 0.1), InferenceBroken),
        (200, checked("0.1 or so"), InferenceBroken),
        (200, checked(float("nan")), InferenceBroken),
        (200, checked(0.1) | {"outputs": answer(1)["outputs"]}, InferenceBroken),
        (200, checked(0.1) | {"parameters": answer(1)["parameters"] | {"checks": "[{}]"}}, InferenceBroken),
    ],
)
async def test_other_answers_are_distinguished(
    serve: Serve, status: int, said: object, expected: type[InferenceError]
) -> None:
    inference = await serve(lambda _asked: web.json_response(said, status=status, headers={"Location": "/ready"}))

    with pytest.raises(expected):
        await inference.predict([IMAGE], "r")


async def test_no_answer_is_unavailable(serve: Serve) -> None:
    inference = await serve(lambda _asked: None)

    with pytest.raises(InferenceUnavailable):
        await inference.predict([IMAGE], "r")
    with pytest.raises(InferenceUnavailable):
        await inference.is_ready()


async def test_server_that_is_away_is_unavailable() -> None:
    inference = OipInference("http://127.0.0.1:1", "idc")

    with pytest.raises(InferenceUnavailable, match="does not answer"):
        await inference.predict([IMAGE], "r")
    await inference.close()


async def test_connection_that_was_closed_while_it_rested_is_opened_again(serve: Serve) -> None:
    times = iter(range(9))

    def handle(asked: Asked) -> web.Response | None:
        return None if next(times) == 1 else web.json_response(answer(count_of(asked)))

    inference = await serve(handle)

    for _ in range(3):
        assert len(await inference.predict([IMAGE], "r")) == 1


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (400, False), (404, False), (503, False)])
async def test_server_says_whether_it_is_ready(serve: Serve, status: int, is_ready: bool) -> None:
    assert await (await serve(lambda _asked: web.Response(status=status))).is_ready() is is_ready


async def test_probes_have_connections_of_their_own(serve: Serve) -> None:
    inference = await serve(lambda _asked: web.json_response(answer(1)))
    assert await inference.predict([IMAGE], "r")

    assert await inference.is_ready()
    assert inference._client._session is not inference._probes._session


@pytest.mark.parametrize("status", [503, 429, 408])
async def test_server_with_too_much_to_do_is_distinguished_from_one_that_is_gone(serve: Serve, status: int) -> None:
    inference = await serve(lambda _asked: web.Response(status=status))

    with pytest.raises(InferenceUnavailable) as failure:
        await inference.predict([IMAGE], "r")

    assert failure.value.was_answered


async def test_error_that_is_nested_without_an_end_is_an_error_like_others(serve: Serve) -> None:
    inference = await serve(lambda _asked: web.Response(status=500, body=b"[" * 100_000))

    with pytest.raises(InferenceBroken, match="answered 500: no reason given"):
        await inference.predict([IMAGE], "r")
