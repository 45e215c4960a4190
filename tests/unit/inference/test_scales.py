"""The scales of encoded images, which a request may state."""

import base64
import io
import json
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from idc_inference.errors import BadRequest
from idc_inference.protocol.requests import InferRequest, Offer, parse_request
from idc_inference.protocol.tensors import join_elements
from idc_inference.settings import InferenceSettings
from support.infer_requests import app_around, asked
from support.inference_fakes import RednessEngine


def parse(header: dict[str, Any], tail: bytes = b"") -> InferRequest:
    head = json.dumps(header).encode()
    offer = Offer(50, 50, ("probability",))
    return parse_request(head + tail, str(len(head)), offer, max_patches=9, max_json_bytes=9000)


def images(tail: bytes, count: int) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [count], "parameters": {"binary_data_size": len(tail)}}
    return {"inputs": [tensor]}


def scaled(data: Any = None, raw: bytes | None = None, **changes: Any) -> tuple[dict[str, Any], bytes]:
    """A request with two images and their scales."""
    tail = join_elements([b"first", b"second"])
    tensor: dict[str, Any] = {"name": "um_per_px", "datatype": "FP32", "shape": [2], "data": data}
    if raw is not None:
        tensor |= {"parameters": {"binary_data_size": len(raw)}}
    header = images(tail, 2)
    header["inputs"].append(tensor | changes)
    return header, tail + (raw or b"")


@pytest.mark.parametrize("first", ["image", "um_per_px"])
def test_binary_scales_stand_beside_the_images_in_either_order(first: str) -> None:
    raw = struct.pack("<2f", 0.5, 0.0)
    header, tail = scaled(raw=raw)
    if first == "um_per_px":
        header["inputs"].reverse()
        tail = raw + tail[: -len(raw)]

    request = parse(header, tail)

    assert request.source == [b"first", b"second"]
    assert request.um_per_px is not None
    assert request.um_per_px.tolist() == [0.5, 0.0]


def test_json_scales_may_stand_beside_binary_images() -> None:
    request = parse(*scaled([1, 0.25]))

    assert request.um_per_px is not None
    assert (request.um_per_px.dtype, request.um_per_px.tolist()) == (np.float32, [1.0, 0.25])


def test_images_without_scales_have_none() -> None:
    tail = join_elements([b"x"])

    assert parse(images(tail, 1), tail).um_per_px is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1.0], "1 values, but its shape says 2"),
        ([1.0, 2.0, 3.0], "3 values"),
        ([0.5, -1], r"um_per_px\[1\] is -1: give 0.05 to 50"),
        ([0.049, 1], r"um_per_px\[0\] is 0.049"),
        ([50.1, 1], r"um_per_px\[0\] is 50.1"),
        ([1, 10**400], r"um_per_px\[1\] is inf"),
        ([float("nan"), 1], r"um_per_px\[0\] is nan"),
        ([True, 1], r"um_per_px\[0\] is not a number"),
        (["1", 1], r"um_per_px\[0\] is not a number"),
        ([None, 1], r"um_per_px\[0\] is not a number"),
        ([[1, 1]], r"um_per_px\[0\] is not a number"),
        (None, "neither data nor binary_data_size"),
    ],
)
def test_wrong_scale_is_refused_by_its_place(data: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        parse(*scaled(data))


@pytest.mark.parametrize(
    "changes", [{"shape": [3]}, {"shape": [2, 1]}, {"shape": []}, {"datatype": "FP64"}, {"datatype": "BYTES"}]
)
def test_scales_of_another_shape_or_type_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=r"'um_per_px' must be FP32 \[2\], one value for each image"):
        parse(*scaled([1, 1], **changes))


@pytest.mark.parametrize("raw", [b"", bytes(4), bytes(7), bytes(12), struct.pack("<2f", float("inf"), 1)])
def test_wrong_binary_scales_are_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest, match="um_per_px"):
        parse(*scaled(raw=raw))


def test_scales_of_decoded_patches_are_refused() -> None:
    patch = {"name": "patch", "datatype": "UINT8", "shape": [1, 50, 50, 3], "parameters": {"binary_data_size": 7500}}
    scale = {"name": "um_per_px", "datatype": "FP32", "shape": [1], "data": [4.0]}

    with pytest.raises(BadRequest, match="with or without 'um_per_px' beside it"):
        parse({"inputs": [patch, scale]}, bytes(7500))


@given(st.lists(st.one_of(st.just(0.0), st.floats(0.0625, 50.0, width=32)), min_size=2, max_size=2))
def test_plausible_scales_are_taken_as_they_are(scales: list[float]) -> None:
    for request in (parse(*scaled(scales)), parse(*scaled(raw=struct.pack("<2f", *scales)))):
        assert request.um_per_px is not None
        assert request.um_per_px.tolist() == scales


@pytest.fixture
async def client(tiny_models_dir: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(app_around(InferenceSettings(models_dir=tiny_models_dir), RednessEngine())) as client:
        yield client


async def test_image_of_a_stated_scale_is_cut_to_its_field(client: httpx.AsyncClient) -> None:
    """400 x 400 px: dark, with a red square of 220 x 220 px in its middle."""
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[90:310, 90:310] = (250, 0, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    scales = [1.0, 0.0, 0.4]  # the field is the red square, unknown, or larger than the image
    image = {"name": "image", "datatype": "BYTES", "shape": [3], "parameters": {"content_type": "base64"}}
    inputs = [
        image | {"data": [text] * 3},
        {"name": "um_per_px", "datatype": "FP32", "shape": [3], "data": scales},
    ]

    answer = (await client.post("/v2/models/idc/infer", json={"inputs": inputs})).json()

    whole = 250 / 255 * (220 / 400) ** 2
    np.testing.assert_allclose(answer["outputs"][0]["data"], [250 / 255, whole, whole], atol=0.01)


async def test_wrong_scale_is_an_error_of_the_protocol(client: httpx.AsyncClient) -> None:
    image = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [""], "parameters": {"content_type": "base64"}}
    scale = {"name": "um_per_px", "datatype": "FP32", "shape": [1], "data": [-4]}

    answer = await client.post("/v2/models/idc/infer", json={"inputs": [image, scale]})

    assert answer.status_code == 400
    assert answer.json() == {"error": "um_per_px[0] is -4: give 0.05 to 50 µm per pixel, or 0 where it is not known"}
