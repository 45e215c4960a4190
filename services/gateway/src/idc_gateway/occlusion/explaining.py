"""Asks inference about a patch and its copies with hidden windows: one patch at a time, a few copies in a request."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc_gateway import executors
from idc_gateway.errors import InferenceUnavailable, TooMany, UnusableImage
from idc_gateway.inference.ports import EncodedImage, Prediction
from idc_gateway.occlusion.windows import PATCH_PX, changes, hidden_copies, mean_stain
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch

AT_ONCE: Final = 9
"""Copies in one request: the server lets requests of others in between."""
WAIT_S: Final = 60.0
"""Longest time for one map, with the time in line."""

Predict = Callable[[Sequence[EncodedImage], str], Awaitable[list[Prediction]]]


@dataclass(frozen=True)
class OcclusionMap:
    """How P(IDC) of one patch changes where a window of it is hidden."""

    whole: Prediction
    changes: NDArray[np.float64]
    """Shape (9, 9): see `windows.changes`."""
    fill: tuple[int, int, int]
    """The colour of hidden windows, RGB."""


class Explaining:
    """Makes occlusion maps, one at a time, and one for each person."""

    def __init__(self, predict: Predict, *, wait_s: float = WAIT_S) -> None:
        """Take what asks inference; see `BalancedInference.predict`."""
        self._predict = predict
        self._wait_s = wait_s
        self._turn = asyncio.Lock()
        self._callers: set[str] = set()

    async def explain(self, image: EncodedImage, caller: str, request_id: str) -> OcclusionMap:
        """The map of an encoded image, by 82 forward passes.

        Raises:
            TooMany: The caller already waits for one.
            UnusableImage: The image cannot be decoded.
            InferenceError: Inference does not answer.
        """
        if caller in self._callers:
            raise TooMany(f"{caller!r} already waits for an occlusion map, one is made at a time", retry_after_s=5)
        self._callers.add(caller)
        try:
            async with asyncio.timeout(self._wait_s), self._turn:
                return await self._explain(image, request_id)
        except TimeoutError as exc:
            raise InferenceUnavailable(f"the occlusion map was not ready within {self._wait_s:g} s: try again") from exc
        finally:
            self._callers.discard(caller)

    async def _explain(self, image: EncodedImage, request_id: str) -> OcclusionMap:
        fill, encoded = await executors.decoding(_copies_of, image)
        predictions: list[Prediction] = []
        for start in range(0, len(encoded), AT_ONCE):
            predictions += await self._predict(encoded[start : start + AT_ONCE], request_id)
        whole, *hidden = predictions
        if any(one.model != whole.model for one in hidden):
            raise InferenceUnavailable("the model was exchanged while the occlusion map was made: try again")
        map_of_changes = changes(whole.probability, np.array([one.probability for one in hidden]))
        red, green, blue = fill.tolist()
        return OcclusionMap(whole, map_of_changes, (red, green, blue))


def _copies_of(image: EncodedImage) -> tuple[NDArray[np.uint8], list[EncodedImage]]:
    """The fill of hidden windows; and encoded: the patch as the model sees it, then its copies with hidden windows."""
    try:
        patch = decode_patch(image.data, height_px=PATCH_PX, width_px=PATCH_PX, um_per_px=image.um_per_px)
    except PatchError as exc:
        raise UnusableImage(f"the image cannot be explained: {exc}") from exc
    fill = mean_stain(patch)
    return fill, [EncodedImage(_png(copy)) for copy in (patch, *hidden_copies(patch, fill))]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
