"""The two linear heads on pooled features: P(IDC), and whether the image is a patch at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax


@dataclass(frozen=True)
class Heads:
    """Weights for F features, float32."""

    idc_weight: NDArray[np.float32]
    """Shape (F, 1)."""
    idc_bias: NDArray[np.float32]
    """Shape (1,)."""
    quality_weight: NDArray[np.float32]
    """Shape (F, 4), in the order of `artefacts.kinds.Quality`."""
    quality_bias: NDArray[np.float32]
    """Shape (4,)."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The raw scores for IDC of features of shape (N, F): float64, shape (N,)."""
        scores: NDArray[np.float64] = features.astype(np.float64) @ self.idc_weight[:, 0] + self.idc_bias[0]
        return scores

    def qualities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The share of each `Quality` for features of shape (N, F): float64, shape (N, 4), rows sum to 1.0."""
        shares: NDArray[np.float64] = softmax(features.astype(np.float64) @ self.quality_weight + self.quality_bias, 1)
        return shares


def as_float16(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Numbers rounded to float16, as float32: a graph with FP16 weights then computes what was measured."""
    return values.astype(np.float16).astype(np.float32)
