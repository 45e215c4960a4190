"""Requests of the Open Inference Protocol v2, as far as this service supports it."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_inference.errors import BadRequest, RequestTooLarge
from idc_inference.protocol.scales import UM_PER_PX, scales_of
from idc_inference.protocol.tensors import patches_from_binary, patches_from_json, split_elements
from idc_modelio.outputs import PROBABILITY

IMAGE: Final = "image"
PATCH: Final = "patch"
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
    name: str = Field(max_length=256)
    parameters: _Parameters = _Parameters()


class _Header(_Wire):
    id: str | None = Field(default=None, max_length=256)
    parameters: _RequestParameters = _RequestParameters()
    inputs: list[_Input] = Field(min_length=1, max_length=16)
    outputs: list[_Output] | None = Field(default=None, max_length=64)


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
    um_per_px: NDArray[np.float32] | None = None
    """Of each encoded image, float32, shape (N,); 0 where it is not stated. None where no image states it."""
    parameters: dict[str, Scalar] = field(default_factory=dict)
    """The caller's, to be sent back."""
    timeout_s: float | None = None
    """How long the caller waits; None where the request does not say."""


@dataclass(frozen=True)
class Offer:
    """What the model takes and gives."""

    height_px: int
    width_px: int
    outputs: tuple[str, ...]
    """The outputs of its graph."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs of the protocol, in the order in which they come where none is named."""
        return PROBABILITY, DECISION, *(name for name in self.outputs if name != PROBABILITY)


def parse_request(
    body: bytes, header_length: str | None, offer: Offer, *, max_patches: int, max_json_bytes: int
) -> InferRequest:
    """Read one infer request.

    Args:
        body: The whole HTTP body.
        header_length: The value of `Inference-Header-Content-Length`; None if the body is only JSON.
        offer: What the model takes and gives.
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
    source, scales = _source_and_scales(header.inputs)
    if source.shape and source.shape[0] > max_patches:
        raise RequestTooLarge(
            f"input {source.name!r} has {source.shape[0]} patches: send at most {max_patches} at once"
        )
    raw = _binary_parts(header.inputs, tail)
    outputs = _requested(header, offer.output_names)
    is_encoded = source.name == IMAGE
    patches_or_images = _images(source, raw[IMAGE]) if is_encoded else _patches(source, raw[PATCH], offer)
    given, um_per_px = header.parameters, None
    if scales is not None:
        um_per_px = scales_of(scales.datatype, scales.shape, scales.data, raw[UM_PER_PX], len(patches_or_images))
    timeout_s = None if given.timeout is None else given.timeout / 1e6
    parameters = given.model_dump(exclude_unset=True)
    return InferRequest(header.id, source.name, patches_or_images, outputs, um_per_px, parameters, timeout_s)


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


def _source_and_scales(inputs: list[_Input]) -> tuple[_Input, _Input | None]:
    """The images or patches, and the scales of images where they are stated."""
    by_name = {tensor.name: tensor for tensor in inputs}
    if len(by_name) == len(inputs) and by_name.keys() in ({IMAGE}, {PATCH}, {IMAGE, UM_PER_PX}):
        return by_name.get(IMAGE) or by_name[PATCH], by_name.get(UM_PER_PX)
    got = ", ".join(repr(tensor.name) for tensor in inputs)
    raise BadRequest(
        f"give one input {IMAGE!r}, with or without {UM_PER_PX!r} beside it, or one input {PATCH!r}; got {got}"[:512]
    )


def _binary_parts(inputs: list[_Input], tail: memoryview) -> dict[str, memoryview | None]:
    """The binary data of each input, which follow one another in the order of the inputs; None for an input in JSON."""
    parts: dict[str, memoryview | None] = {}
    begin = 0
    for tensor in inputs:
        size = tensor.parameters.binary_data_size
        parts[tensor.name] = None if size is None else tail[begin : begin + size]
        if size is None:
            continue
        if tensor.data is not None:
            raise BadRequest(f"input {tensor.name!r} has both data and binary_data_size")
        if size > len(tail) - begin:
            raise BadRequest(
                f"input {tensor.name!r} has binary_data_size {size}, but {len(tail) - begin} bytes are left for it"
            )
        begin += size
    if begin < len(tail):
        raise BadRequest(f"{len(tail) - begin} bytes follow the header that no input's binary_data_size counts")
    return parts


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


def _patches(source: _Input, raw: memoryview | None, offer: Offer) -> NDArray[np.uint8]:
    expected = (offer.height_px, offer.width_px, 3)
    extents = tuple(source.shape)
    if source.datatype != "UINT8" or extents[1:] != expected or len(extents) != 4 or extents[0] < 1:
        wanted = ["N", *expected]
        raise BadRequest(f"input {PATCH!r} must be UINT8 {wanted}, N >= 1; got {source.datatype[:16]} {list(extents)}")
    if raw is not None:
        return patches_from_binary(raw, extents, PATCH)
    if source.data is None:
        raise BadRequest(f"input {PATCH!r} has neither data nor binary_data_size")
    return patches_from_json(source.data, extents, PATCH)


def _requested(header: _Header, offered: Sequence[str]) -> tuple[RequestedOutput, ...]:
    default = header.parameters.binary_data_output
    if header.outputs is None:
        return tuple(RequestedOutput(name, default) for name in offered)
    names = [output.name for output in header.outputs]
    unknown = next((name for name in names if name not in offered), None)
    if unknown is not None:
        raise BadRequest(f"output {unknown!r} is unknown: request {', '.join(offered)}")
    if len(set(names)) != len(names):
        raise BadRequest(f"an output is requested twice: {', '.join(names)}")
    return tuple(
        RequestedOutput(
            output.name, default if output.parameters.binary_data is None else output.parameters.binary_data
        )
        for output in header.outputs
    )
