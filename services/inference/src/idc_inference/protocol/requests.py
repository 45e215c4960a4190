"""Requests of the Open Inference Protocol v2, as far as this service supports it."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_inference.errors import BadRequest, RequestTooLarge
from idc_inference.protocol.tensors import patches_from_binary, patches_from_json, split_elements

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
    content_type: str | None = Field(default=None, max_length=64)


Scalar = bool | int | Annotated[float, Field(allow_inf_nan=False)] | str | None


class _RequestParameters(_Wire):
    """Parameters with a meaning; others are kept and sent back."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Scalar] = Field(init=False)

    binary_data_output: bool = False
    timeout: int | None = Field(default=None, ge=1, le=2**53, description="Microseconds, as Triton's clients send it.")


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
    parameters: _RequestParameters = _RequestParameters()
    inputs: list[_Input] = Field(min_length=1, max_length=16)
    outputs: list[_Output] | None = Field(default=None, max_length=2)


@dataclass(frozen=True)
class RequestedOutput:
    name: str
    is_binary: bool


@dataclass(frozen=True)
class InferRequest:
    """A request that follows the protocol."""

    id: str | None
    input_name: str
    source: list[memoryview] | NDArray[np.uint8]
    """Encoded images, or patches: RGB, uint8, shape (N, height, width, 3), values 0-255. Binary ones share the body's
    memory."""
    outputs: tuple[RequestedOutput, ...]
    parameters: dict[str, Scalar] = field(default_factory=dict)
    """The caller's, to be sent back."""
    timeout_s: float | None = None
    """How long the caller waits; None where the request does not say."""


@dataclass(frozen=True)
class PatchShape:
    """The size of the model's input."""

    height_px: int
    width_px: int


def parse_request(
    body: bytes, header_length: str | None, shape: PatchShape, *, max_patches: int, max_json_bytes: int
) -> InferRequest:
    """Read one infer request.

    Args:
        body: The whole HTTP body.
        header_length: The value of `Inference-Header-Content-Length`; None if the body is only JSON.
        shape: The size of the model's input.
        max_patches: Most patches in one request.
        max_json_bytes: Longest JSON part; parsed, it takes up to 40 times its size in memory.

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
    given = header.parameters
    timeout_s = None if given.timeout is None else given.timeout / 1e6
    return InferRequest(
        header.id, source.name, patches_or_images, outputs, given.model_dump(exclude_unset=True), timeout_s
    )


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
    return _base64_images(source) if raw is None else split_elements(raw, source.shape[0], IMAGE)


def _base64_images(source: _Input) -> list[memoryview]:
    if source.data is None or source.parameters.content_type != "base64":
        raise BadRequest(
            f"input {IMAGE!r}: send images as binary tensor data, or as base64 with parameter content_type base64"
        )
    if len(source.data) != source.shape[0]:
        raise BadRequest(f"input {IMAGE!r} has {len(source.data)} elements, but its shape says {source.shape[0]}")
    return [_from_base64(text, index) for index, text in enumerate(source.data)]


def _from_base64(text: Any, index: int) -> memoryview:
    try:
        return memoryview(base64.b64decode(text, validate=True))
    except (binascii.Error, TypeError, ValueError) as exc:
        raise BadRequest(f"input {IMAGE!r}: data[{index}] is not base64 text") from exc


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
