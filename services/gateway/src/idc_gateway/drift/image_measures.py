"""Stain and sharpness of stored images, measured when somebody asks: classifying a patch costs nothing more."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from idc_contracts.bundle import PATCH
from idc_contracts.training_reference import PatchMeasure
from idc_gateway.drift.latest_store import LatestResult
from idc_gateway.errors import ImagesUnavailable
from idc_modelio.appearance import appearance_of
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch

logger = logging.getLogger(__name__)

MOST_IMAGES: Final = 250
"""So many of the latest are measured: more would not make the mean of a patient known better than patients differ."""
MEASURED_FOR_S: Final = 5.0
"""What is not measured by then is measured when somebody asks again."""
MEASURES: Final = (PatchMeasure.STAIN_DENSITY, PatchMeasure.STAIN_HUE_DEG, PatchMeasure.SHARPNESS)
_KEPT: Final = 20_000

ReadImage = Callable[[str], bytes | None]
"""An image by its digest; None where it is not stored. Raises ImagesUnavailable."""
Measured = dict[PatchMeasure, float]


class ImageMeasures:
    """Measures images once each; remembers the latest."""

    def __init__(self, read_image: ReadImage, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read_image = read_image
        self._clock = clock
        self._known: OrderedDict[str, Measured] = OrderedDict()
        """By digest; empty where an image cannot be measured."""

    def measure(self, results: Sequence[LatestResult]) -> list[tuple[LatestResult, Measured]]:
        """Measure images of results, evenly picked, as far as they are stored and time allows. Blocks."""
        with_image = [result for result in results if result.image_sha256 is not None]
        step = max(1, -(-len(with_image) // MOST_IMAGES))
        until_s = self._clock() + MEASURED_FOR_S
        measures = []
        for result in with_image[::step]:
            if self._clock() > until_s:
                break
            try:
                measured = self._of(result)
            except ImagesUnavailable as exc:
                logger.warning("images cannot be measured: %s", exc)
                break
            if measured:
                measures.append((result, measured))
        return measures

    def _of(self, result: LatestResult) -> Measured:
        digest = result.image_sha256 or ""
        known = self._known.get(digest)
        if known is None:
            data = self._read_image(digest)
            known = {} if data is None else _measure(data, result.um_per_px)
            self._known[digest] = known
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known


def _measure(data: bytes, um_per_px: float | None) -> Measured:
    """What can be measured of one image: the stain is missing where there is no tissue."""
    try:
        patch = decode_patch(data, height_px=PATCH.height_px, width_px=PATCH.width_px, um_per_px=um_per_px)
    except PatchError:
        return {}
    appearance = appearance_of(patch[None])
    values = {measure: float(getattr(appearance, measure.value)[0]) for measure in MEASURES}
    return {measure: value for measure, value in values.items() if not np.isnan(value)}
