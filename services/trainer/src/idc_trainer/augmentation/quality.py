"""Small losses of image quality that a patch survives: compression, slight blur, a padded edge."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_LEAST_QUALITY, _BEST_QUALITY = 50, 95
_JPEG_SHARE = 0.7
_WIDEST_BLUR_PX = 0.8
_WIDEST_EDGE_PX = 10
_EDGE_COLOURS = (0, 245, 255)


def compress(patch: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Compress as JPEG (quality 50-95, with and without chroma subsampling) or WebP; the same shape and dtype."""
    quality = int(rng.integers(_LEAST_QUALITY, _BEST_QUALITY + 1))
    encoded = io.BytesIO()
    if rng.random() < _JPEG_SHARE:
        Image.fromarray(patch).save(encoded, "JPEG", quality=quality, subsampling=int(rng.choice([0, 2])))
    else:
        Image.fromarray(patch).save(encoded, "WEBP", quality=quality, method=0)
    with Image.open(encoded) as image:
        return np.asarray(image.convert("RGB"))


def blur_slightly(patch: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur by a Gaussian of at most 0.8 px; the same shape and dtype."""
    radius_px = float(rng.uniform(0.2, _WIDEST_BLUR_PX))
    return np.asarray(Image.fromarray(patch).filter(ImageFilter.GaussianBlur(radius_px)))


def pad_edge(patch: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paint 1 to 10 px along the lower edge black, near white or white; the same shape and dtype."""
    padded = patch.copy()
    padded[-int(rng.integers(1, _WIDEST_EDGE_PX + 1)) :] = rng.choice(_EDGE_COLOURS)
    return padded
