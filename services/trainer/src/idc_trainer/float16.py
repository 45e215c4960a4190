"""Numbers that float16 can hold, so that a graph saved in FP16 computes what was trained."""

import numpy as np
from numpy.typing import NDArray


def round_to_float16(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """The nearest numbers that float16 can hold, as contiguous float32."""
    return np.ascontiguousarray(values.astype(np.float16).astype(np.float32))
