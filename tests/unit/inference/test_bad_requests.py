"""Whatever arrives at the infer endpoint gets an answer of the protocol, and the next request is served."""

import asyncio
import json
import zlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from idc_inference.app import create_app, open_repository
from idc_inference.metrics import Metrics
from idc_inference.protocol.tensors import join_elements
from idc_inference.settings import InferenceSettings
from support.demo_patches import solid_png
from support.inference_fakes import RednessEngine, serve_fake

GOOD = solid_png((250, 0, 0))
ERRORS_OF_THE_CALLER = {400, 404, 413, 415}

many = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Asked:
    """A running application, asked from code that is not asynchronous."""

    def __init__(self, models: Path) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._runner.run(self._open(models))

    async def _open(self, models: Path) -> None:
        limits = InferenceSettings(
            models_dir=models, max_body_bytes=200_000, max_json_bytes=20_000, max_patches=20, max_patches_in_progress=20
        )
        metrics = Metrics()
        app = create_app(limits, open_repository(limits, metrics, serve_fake(RednessEngine())), metrics)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        self._client = await self._stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://test")
        )

    def post(self, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._runner.run(self._client.post("/v2/models/idc/infer", content=content, headers=headers))

    def images(self, images: list[bytes], **header: Any) -> httpx.Response:
        tail = join_elements(images)
        tensor = {"name": "image", "datatype": "BYTES", "shape": [len(images)]}
        head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": len(tail)}}]} | header).encode()
        return self.post(head + tail, {"Inference-Header-Content-Length": str(len(head))})

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def asked(tiny_models_dir: Path) -> Iterator[Asked]:
    asked = Asked(tiny_models_dir)
    yield asked
    asked.close()


def check_refused(answer: httpx.Response) -> None:
    assert answer.status_code in ERRORS_OF_THE_CALLER, answer.text
    assert answer.json().keys() == {"error"}
    assert 0 < len(answer.json()["error"]) < 1000


def check_answered(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        check_refused(answer)


@many
@given(st.binary(max_size=4096), st.one_of(st.none(), st.text("0123456789 +-e", max_size=12)))
def test_any_body_gets_an_answer_of_the_protocol(asked: Asked, body: bytes, length: str | None) -> None:
    check_refused(asked.post(body, {} if length is None else {"Inference-Header-Content-Length": length}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@many
@given(
    st.dictionaries(st.sampled_from(["name", "datatype", "shape", "parameters", "data"]), json_values),
    st.dictionaries(st.sampled_from(["id", "parameters", "outputs", "inputs", "other"]), json_values),
)
@example({}, {"parameters": {"a": float("nan")}})
@example({"data": [10**400]}, {})
@example({}, {"parameters": {"timeout": 0}})
@example({}, {"id": "\ud800"})
def test_any_header_gets_an_answer_of_the_protocol(
    asked: Asked, tensor: dict[str, Any], header: dict[str, Any]
) -> None:
    body = {"inputs": [{"name": "patch", "datatype": "UINT8", "shape": [1, 50, 50, 3], "data": [0]} | tensor]} | header

    check_answered(asked.post(json.dumps(body).encode()))


@many
@given(st.lists(st.integers(-(2**40), 2**40), max_size=9), st.integers(0, 2**33))
def test_any_shape_and_size_gets_an_answer_of_the_protocol(asked: Asked, shape: list[int], size: int) -> None:
    tensor = {"name": "patch", "datatype": "UINT8", "shape": shape, "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [tensor]}).encode()

    check_refused(asked.post(head + bytes(100), {"Inference-Header-Content-Length": str(len(head))}))


def test_bad_image_is_named_by_its_index_and_the_next_request_is_served(asked: Asked) -> None:
    answer = asked.images([GOOD, GOOD[: len(GOOD) // 2]])

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("image[1]: the PNG is damaged")
    assert asked.images([GOOD]).status_code == 200


def test_ten_thousand_images_are_refused_before_one_is_decoded(asked: Asked) -> None:
    answer = asked.images([b""] * 10_000)

    assert answer.status_code == 413
    assert "at most 20" in answer.json()["error"]


def test_compressed_body_is_refused(asked: Asked) -> None:
    answer = asked.post(zlib.compress(b"{}"), {"Content-Encoding": "deflate"})

    assert answer.status_code == 415
    assert "'deflate'" in answer.json()["error"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (["!"], "not base64"),
        ([7], "data[0] is not base64 text"),
        (["é"], "not base64"),
        (["YQ==", "YQ=="], "2 elements"),
        (["YQ=="], "image[0]"),
    ],
)
def test_bad_base64_is_refused(asked: Asked, data: list[Any], words: str) -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": data}

    answer = asked.post(json.dumps({"inputs": [tensor | {"parameters": {"content_type": "base64"}}]}).encode())

    assert answer.status_code == 400
    assert words in answer.json()["error"]
