"""What a model's graph computes for patches."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PROBABILITY: Final = "probability"
"""The output with calibrated P(IDC), 0.0-1.0, which each classifier has."""

Outputs = dict[str, NDArray[np.float32]]
"""Each output by name, float32, with the batch as the first axis; of a classifier, each has the shape (N,)."""
