"""The scales of encoded images, which a request may state beside them."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import BadRequest
from idc_modelio.field import MAX_UM_PER_PX, MIN_UM_PER_PX

UM_PER_PX: Final = "um_per_px"


def scales_of(
    datatype: str, shape: Sequence[int], data: Sequence[Any] | None, raw: memoryview | None, images: int
) -> NDArray[np.float32]:
    """Read the input `um_per_px`.

    Args:
        datatype: As the request has it; must be `FP32`.
        shape: As the request has it; must be [`images`].
        data: The values, where they are JSON.
        raw: The values, where they are binary: float32, little-endian.
        images: How many images the request has.

    Returns:
        float32, shape (images,), each 0 (not stated) or from MIN_UM_PER_PX to MAX_UM_PER_PX.

    Raises:
        BadRequest: They are something else.
    """
    if datatype != "FP32" or list(shape) != [images]:
        raise BadRequest(
            f"input {UM_PER_PX!r} must be FP32 [{images}], one value for each image; got {datatype[:16]} {list(shape)}"
        )
    values = _from_json(data) if raw is None else _from_binary(raw)
    if len(values) != images:
        raise BadRequest(f"input {UM_PER_PX!r} has {len(values)} values, but its shape says {images}")
    for index, value in enumerate(values):
        if value and not MIN_UM_PER_PX <= value <= MAX_UM_PER_PX:
            raise BadRequest(
                f"{UM_PER_PX}[{index}] is {value:g}: give {MIN_UM_PER_PX:g} to {MAX_UM_PER_PX:g} µm per pixel, "
                "or 0 where it is not known"
            )
    return np.array(values, np.float32)


def _from_json(data: Sequence[Any] | None) -> Sequence[float]:
    if data is None:
        raise BadRequest(f"input {UM_PER_PX!r} has neither data nor binary_data_size")
    return [_number(value, index) for index, value in enumerate(data)]


def _number(value: Any, index: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{UM_PER_PX}[{index}] is not a number: give µm per pixel, or 0 where it is not known")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _from_binary(raw: memoryview) -> Sequence[float]:
    if len(raw) % 4:
        raise BadRequest(f"input {UM_PER_PX!r} has {len(raw)} bytes: give 4 for each value")
    values: list[float] = np.frombuffer(raw, "<f4").tolist()
    return values
