"""Tensors on the wire, by the Open Inference Protocol's REST form and its binary tensor data extension.

Protocol: https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md).
Extension: https://github.com/triton-inference-server/server (docs/protocol/extension_binary_data.md).
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import BadRequest


def split_elements(raw: memoryview, count: int, name: str) -> list[memoryview]:
    """Cut a binary BYTES tensor into its elements: each has its length before it, 4 bytes, little-endian.

    Returns:
        `count` elements, which share memory with `raw`.

    Raises:
        BadRequest: The lengths do not add up to `count` elements and all of `raw`.
    """
    elements: list[memoryview] = []
    position = 0
    while position < len(raw):
        if len(elements) == count or len(raw) - position < 4:
            raise BadRequest(
                f"input {name!r} has {len(raw) - position} bytes after {len(elements)} elements: "
                f"give {count} elements, each with its length before it in 4 bytes"
            )
        (size,) = struct.unpack_from("<I", raw, position)
        position += 4
        if size > len(raw) - position:
            raise BadRequest(
                f"input {name!r}: element {len(elements)} claims {size} bytes, but {len(raw) - position} are left"
            )
        elements.append(raw[position : position + size])
        position += size
    if len(elements) != count:
        raise BadRequest(f"input {name!r} has {len(elements)} elements, but its shape says {count}")
    return elements


def join_elements(elements: Sequence[bytes]) -> bytes:
    """The opposite of `split_elements`."""
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def patches_from_binary(raw: memoryview, shape: tuple[int, ...], name: str) -> NDArray[np.uint8]:
    """Read a binary UINT8 tensor, row-major.

    Returns:
        uint8, of `shape`; it shares memory with `raw`.

    Raises:
        BadRequest: The number of bytes is not what the shape needs.
    """
    if len(raw) != math.prod(shape):
        raise BadRequest(f"input {name!r} has {len(raw)} bytes, but its shape {list(shape)} needs {math.prod(shape)}")
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape)


def patches_from_json(data: Sequence[Any], shape: tuple[int, ...], name: str) -> NDArray[np.uint8]:
    """Read a JSON UINT8 tensor, flat or nested, row-major.

    Returns:
        uint8, of `shape`.

    Raises:
        BadRequest: A value is not a whole number from 0 to 255, or there are more or fewer than the shape needs.
    """
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError) as exc:
        raise BadRequest(f"input {name!r}: data is not one array of numbers") from exc
    if values.size != math.prod(shape):
        raise BadRequest(
            f"input {name!r} has {values.size} values, but its shape {list(shape)} needs {math.prod(shape)}"
        )
    if values.dtype.kind != "i" or values.min() < 0 or values.max() > 255:
        raise BadRequest(f"input {name!r}: data must be whole numbers from 0 to 255")
    return values.astype(np.uint8).reshape(shape)
