"""Requests of the Open Inference Protocol are read whole or refused."""

import json
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_inference.errors import BadRequest, RequestTooLarge
from idc_inference.protocol.requests import InferRequest, Offer, parse_request
from idc_inference.protocol.responses import encode_response
from idc_inference.protocol.tensors import join_elements, split_elements

OFFER = Offer(50, 50, ("probability",))
MAX_JSON_BYTES = 300_000


def parse(
    header: dict[str, Any] | bytes, tail: bytes | None = None, length: str | None = None, *, offer: Offer = OFFER
) -> InferRequest:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    if tail is not None and length is None:
        length = str(len(head))
    return parse_request(head + (tail or b""), length, offer, max_patches=100, max_json_bytes=MAX_JSON_BYTES)


def images(tail: bytes, count: int = 1, **changes: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [count], "parameters": {"binary_data_size": len(tail)}}
    return {"inputs": [tensor | changes]}


def patches(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "patch", "datatype": "UINT8", "shape": [1, 50, 50, 3], "data": [0] * 7500}
    return {"inputs": [tensor | changes]}


def test_binary_images_are_read_in_order() -> None:
    tail = join_elements([b"first", b"", b"third"])

    request = parse(images(tail, 3), tail)

    assert request.source == [b"first", b"", b"third"]


def test_binary_patches_are_read_row_major() -> None:
    pixels = np.arange(2 * 7500, dtype=np.uint32).astype(np.uint8).reshape(2, 50, 50, 3)
    header = patches(shape=[2, 50, 50, 3], data=None, parameters={"binary_data_size": 15000})

    request = parse(header, pixels.tobytes())

    np.testing.assert_array_equal(request.source, pixels)


@pytest.mark.parametrize("nested", [True, False])
def test_json_patches_are_read_flat_or_nested(nested: bool) -> None:
    pixels = (np.arange(7500) % 256).astype(np.uint8).reshape(1, 50, 50, 3)

    request = parse(patches(data=pixels.tolist() if nested else pixels.ravel().tolist()))

    np.testing.assert_array_equal(request.source, pixels)


def test_further_outputs_of_the_graph_come_after_the_two_where_none_is_named() -> None:
    offer = Offer(50, 50, ("distance", "probability", "unfamiliar"))

    request = parse(patches(), offer=offer)

    assert [output.name for output in request.outputs] == ["probability", "decision", "distance", "unfamiliar"]


def test_unknown_output_is_refused_with_the_names_of_the_known_ones() -> None:
    header = patches() | {"outputs": [{"name": "softmax"}]}

    with pytest.raises(BadRequest, match=r"output 'softmax' is unknown: request probability, decision, distance"):
        parse(header, offer=Offer(50, 50, ("probability", "distance")))


def test_both_outputs_come_where_none_is_named() -> None:
    assert [(o.name, o.is_binary) for o in parse(patches()).outputs] == [("probability", False), ("decision", False)]


def test_only_the_named_output_comes_in_the_form_that_was_asked() -> None:
    header = patches() | {"outputs": [{"name": "decision", "parameters": {"binary_data": True}}], "id": "a"}

    request = parse(header)

    assert [(o.name, o.is_binary) for o in request.outputs] == [("decision", True)]
    assert request.id == "a"


GOOD_TAIL = join_elements([b"x"])


@pytest.mark.parametrize(
    ("header", "tail", "length"),
    [
        (b"", None, None),
        (b"no json", None, None),
        (b"[1]", None, None),
        (b"[" * 100_000, None, None),
        ({}, None, None),
        ({"inputs": []}, None, None),
        ({"inputs": [{"name": "image"}]}, None, None),
        ({"inputs": patches()["inputs"] * 2}, None, None),
        (patches(name="other"), None, None),
        (patches(datatype="FP32"), None, None),
        (patches(shape=[1, 50, 50]), None, None),
        (patches(shape=[0, 50, 50, 3]), None, None),
        (patches(shape=[-1, 50, 50, 3]), None, None),
        (patches(shape=[1, 224, 224, 3]), None, None),
        (patches(shape=[1, 3, 50, 50]), None, None),
        (patches(data=[0] * 7499), None, None),
        (patches(data=[0.5] * 7500), None, None),
        (patches(data=[256] * 7500), None, None),
        (patches(data=[-1] * 7500), None, None),
        (patches(data=[True] * 7500), None, None),
        (patches(data=["0"] * 7500), None, None),
        (patches(data=[None] * 7500), None, None),
        (patches(data=[10**30] * 7500), None, None),
        (patches(data=[[0, 1], [2]]), None, None),
        (patches(data=[float("nan")] * 7500), None, None),
        (patches(data=None), None, None),
        (patches(parameters={"binary_data_size": 7500}), bytes(7500), None),
        (patches(data=None, parameters={"binary_data_size": 7499}), bytes(7499), None),
        (patches(data=None, parameters={"binary_data_size": 7500}), bytes(7499), None),
        (patches(), b"left over", None),
        (patches() | {"outputs": [{"name": "softmax"}]}, None, None),
        (patches() | {"outputs": [{"name": "decision"}] * 2}, None, None),
        (images(GOOD_TAIL), GOOD_TAIL, "99999"),
        (images(GOOD_TAIL), GOOD_TAIL, "-1"),
        (images(GOOD_TAIL), GOOD_TAIL, "1e3"),
        (images(GOOD_TAIL), GOOD_TAIL, "9" * 40),
        (images(GOOD_TAIL, 2), GOOD_TAIL, None),
        (images(GOOD_TAIL, 0), GOOD_TAIL, None),
        (images(GOOD_TAIL, datatype="UINT8"), GOOD_TAIL, None),
        (images(GOOD_TAIL, parameters={}, data=["x"]), None, None),
        (images(b"\xff\xff\xff\xffx"), b"\xff\xff\xff\xffx", None),
        (images(b"\x01\x00"), b"\x01\x00", None),
        (images(GOOD_TAIL + b"x"), GOOD_TAIL + b"x", None),
    ],
)
def test_wrong_request_is_refused(header: dict[str, Any] | bytes, tail: bytes | None, length: str | None) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse(header, tail, length)

    assert 10 < len(str(refusal.value)) < 600


def test_more_patches_than_allowed_are_refused() -> None:
    with pytest.raises(RequestTooLarge, match="at most 100"):
        parse(patches(shape=[101, 50, 50, 3]))


def test_long_json_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(RequestTooLarge, match=r"300001 bytes of JSON.*binary"):
        parse(b"[" * (MAX_JSON_BYTES + 1))


def test_long_binary_tensor_does_not_count_as_json() -> None:
    header = patches(shape=[60, 50, 50, 3], data=None, parameters={"binary_data_size": 450_000})

    assert len(parse(header, bytes(450_000)).source) == 60


@given(st.binary(max_size=2048), st.one_of(st.none(), st.text(max_size=8), st.integers(0, 2048).map(str)))
def test_any_bytes_are_a_request_or_refused(body: bytes, length: str | None) -> None:
    with suppress(BadRequest, RequestTooLarge):
        assert parse_request(body, length, OFFER, max_patches=100, max_json_bytes=MAX_JSON_BYTES).outputs


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["name", "datatype", "shape", "parameters", "data"]), json_values))
def test_any_json_tensor_is_a_request_or_refused(changes: dict[str, Any]) -> None:
    with suppress(BadRequest, RequestTooLarge):
        assert parse(patches(**changes)).outputs


@given(st.lists(st.binary(max_size=64), max_size=16))
def test_joined_elements_are_split_again(elements: list[bytes]) -> None:
    assert split_elements(memoryview(join_elements(elements)), len(elements), "image") == elements


def test_response_carries_what_was_asked_and_what_made_it() -> None:
    request = parse(patches() | {"id": "q7", "outputs": [{"name": "decision"}]})
    served = {"model_name": "idc", "model_version": "3", "parameters": {"sha256": "ab"}}

    encoded = encode_response(request, {"probability": np.array([0.25], np.float32)}, ["no_idc"], served)

    assert encoded.header_length is None
    assert json.loads(encoded.body) == served | {
        "id": "q7",
        "outputs": [{"name": "decision", "datatype": "BYTES", "shape": [1], "data": ["no_idc"]}],
    }


def test_binary_response_can_be_cut_where_its_header_says() -> None:
    request = parse(patches() | {"parameters": {"binary_data_output": True}})

    encoded = encode_response(request, {"probability": np.array([0.25], np.float32)}, ["no_idc"], {})

    assert encoded.header_length is not None
    head, tail = encoded.body[: encoded.header_length], encoded.body[encoded.header_length :]
    sizes = [output["parameters"]["binary_data_size"] for output in json.loads(head)["outputs"]]
    assert sizes == [4, 10]
    assert tail == struct.pack("<f", 0.25) + struct.pack("<I", 6) + b"no_idc"
