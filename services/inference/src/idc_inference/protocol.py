"""Requests and responses of the Open Inference Protocol v2, as far as this service speaks it. No web framework here."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_inference.errors import BadRequest, RequestTooLarge
from idc_inference.tensors import join_elements, patches_from_binary, patches_from_json, split_elements

IMAGE: Final = "image"
PATCH: Final = "patch"
PROBABILITY: Final = "probability"
DECISION: Final = "decision"
HEADER_LENGTH: Final = "Inference-Header-Content-Length"

Extent = Annotated[int, Field(ge=0, le=2**31)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Parameters(_Wire):
    binary_data_size: int | None = Field(default=None, ge=0, le=2**40)
    binary_data: bool | None = None
    binary_data_output: bool = False


class _Input(_Wire):
    name: str = Field(max_length=256)
    shape: list[Extent] = Field(max_length=8)
    datatype: str = Field(max_length=16)
    parameters: _Parameters = _Parameters()
    data: list[Any] | None = None


class _Output(_Wire):
    name: Literal["probability", "decision"]
    parameters: _Parameters = _Parameters()


class _Header(_Wire):
    id: str | None = Field(default=None, max_length=256)
    parameters: _Parameters = _Parameters()
    inputs: list[_Input] = Field(min_length=1, max_length=16)
    outputs: list[_Output] | None = Field(default=None, max_length=2)


@dataclass(frozen=True)
class RequestedOutput:
    """One output that the caller wants."""

    name: str
    is_binary: bool


@dataclass(frozen=True)
class InferRequest:
    """What the caller wants to know."""

    id: str | None
    source: list[memoryview] | NDArray[np.uint8]
    """Encoded images, or patches: RGB, uint8, shape (N, height, width, 3), values 0-255. Binary ones share the body's
    memory."""
    outputs: tuple[RequestedOutput, ...]


@dataclass(frozen=True)
class PatchShape:
    """What the served model reads."""

    height_px: int
    width_px: int


def parse_request(
    body: bytes, header_length: str | None, shape: PatchShape, *, max_patches: int, max_json_bytes: int
) -> InferRequest:
    """Read one infer request.

    Args:
        body: The whole HTTP body.
        header_length: The value of `Inference-Header-Content-Length`; None where the body is JSON alone.
        shape: The patch that the model reads.
        max_patches: Most patches in one request.
        max_json_bytes: Longest JSON part; when parsed it takes up to 40 times its size in memory.

    Raises:
        BadRequest: It does not follow the protocol.
        RequestTooLarge: It has more than `max_patches` patches or more than `max_json_bytes` of JSON.
    """
    head, tail = _cut(body, header_length)
    if len(head) > max_json_bytes:
        raise RequestTooLarge(
            f"the request has {len(head)} bytes of JSON, more than {max_json_bytes}: send tensors as binary data"
        )
    try:
        header = _Header.model_validate_json(bytes(head))
    except ValidationError as exc:
        problem = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, problem["loc"])) or "request"
        raise BadRequest(f"{where}: {problem['msg']}") from None
    source = _only_source(header.inputs)
    if source.shape and source.shape[0] > max_patches:
        raise RequestTooLarge(
            f"input {source.name!r} has {source.shape[0]} patches: send at most {max_patches} at once"
        )
    raw = _binary_part(source, tail)
    outputs = _requested(header)
    patches_or_images = _images(source, raw) if source.name == IMAGE else _patches(source, raw, shape)
    return InferRequest(header.id, patches_or_images, outputs)


def _cut(body: bytes, header_length: str | None) -> tuple[memoryview, memoryview]:
    view = memoryview(body)
    if header_length is None:
        return view, view[len(view) :]
    if not (header_length.isascii() and header_length.isdecimal() and len(header_length) < 12):
        raise BadRequest(f"{HEADER_LENGTH} must be a number of bytes, got {header_length[:32]!r}")
    length = int(header_length)
    if length > len(view):
        raise BadRequest(f"{HEADER_LENGTH} is {length}, but the body has only {len(view)} bytes")
    return view[:length], view[length:]


def _only_source(inputs: list[_Input]) -> _Input:
    names = [tensor.name for tensor in inputs]
    if len(names) != 1 or names[0] not in (IMAGE, PATCH):
        raise BadRequest(f"give exactly one input, {IMAGE!r} or {PATCH!r}; got {', '.join(map(repr, names))}"[:512])
    return inputs[0]


def _binary_part(source: _Input, tail: memoryview) -> memoryview | None:
    size = source.parameters.binary_data_size
    if size is None:
        if len(tail):
            raise BadRequest(f"{len(tail)} bytes follow the header, but no input has binary_data_size")
        return None
    if source.data is not None:
        raise BadRequest(f"input {source.name!r} has both data and binary_data_size")
    if size != len(tail):
        raise BadRequest(f"input {source.name!r} has binary_data_size {size}, but {len(tail)} bytes follow the header")
    return tail


def _images(source: _Input, raw: memoryview | None) -> list[memoryview]:
    if source.datatype != "BYTES" or len(source.shape) != 1 or source.shape[0] < 1:
        raise BadRequest(f"input {IMAGE!r} must be BYTES [N], N >= 1; got {source.datatype[:16]} {source.shape}")
    if raw is None:
        raise BadRequest(f"input {IMAGE!r}: encoded images cannot be JSON text, send them as binary tensor data")
    return split_elements(raw, source.shape[0], IMAGE)


def _patches(source: _Input, raw: memoryview | None, shape: PatchShape) -> NDArray[np.uint8]:
    expected = (shape.height_px, shape.width_px, 3)
    extents = tuple(source.shape)
    if source.datatype != "UINT8" or extents[1:] != expected or len(extents) != 4 or extents[0] < 1:
        wanted = ["N", *expected]
        raise BadRequest(f"input {PATCH!r} must be UINT8 {wanted}, N >= 1; got {source.datatype[:16]} {list(extents)}")
    if raw is not None:
        return patches_from_binary(raw, extents, PATCH)
    if source.data is None:
        raise BadRequest(f"input {PATCH!r} has neither data nor binary_data_size")
    return patches_from_json(source.data, extents, PATCH)


def _requested(header: _Header) -> tuple[RequestedOutput, ...]:
    default = header.parameters.binary_data_output
    if header.outputs is None:
        return (RequestedOutput(PROBABILITY, default), RequestedOutput(DECISION, default))
    names = [output.name for output in header.outputs]
    if len(set(names)) != len(names):
        raise BadRequest(f"an output is requested twice: {', '.join(names)}")
    return tuple(
        RequestedOutput(
            output.name, default if output.parameters.binary_data is None else output.parameters.binary_data
        )
        for output in header.outputs
    )


@dataclass(frozen=True)
class EncodedResponse:
    """A response's body; `header_length` is None where it is JSON alone."""

    body: bytes
    header_length: int | None


def encode_response(
    request: InferRequest, probability: NDArray[np.float32], decisions: list[str], served: dict[str, Any]
) -> EncodedResponse:
    """Write the response.

    Args:
        request: What was asked.
        probability: Calibrated P(IDC), float32, shape (N,).
        decisions: N decisions.
        served: `model_name`, `model_version` and `parameters` of the response.
    """
    outputs: list[dict[str, Any]] = []
    tail = b""
    for wanted in request.outputs:
        is_probability = wanted.name == PROBABILITY
        output: dict[str, Any] = {
            "name": wanted.name,
            "datatype": "FP32" if is_probability else "BYTES",
            "shape": [len(probability)],
        }
        if wanted.is_binary:
            raw = (
                probability.astype("<f4").tobytes()
                if is_probability
                else join_elements([d.encode() for d in decisions])
            )
            output["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        else:
            output["data"] = [float(value) for value in probability] if is_probability else decisions
        outputs.append(output)
    head = json.dumps({**served, **({"id": request.id} if request.id is not None else {}), "outputs": outputs}).encode()
    return EncodedResponse(head + tail, len(head) if tail else None)
