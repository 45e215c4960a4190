"""Occlusion maps are made by a bounded number of forward passes, one at a time, and one for each person."""

import asyncio
import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from idc_contracts import ModelRef
from idc_gateway.errors import InferenceUnavailable, TooMany, UnusableImage
from idc_gateway.inference.ports import EncodedImage, Prediction
from idc_gateway.occlusion.explaining import AT_ONCE, Explaining
from idc_gateway.occlusion.windows import WINDOWS
from support.demo_patches import png_of
from support.eventually import eventually
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS

DARK_AT = (20, 30)
"""Row and column, in px, on which the fake model's answer depends."""


def patch_with_a_dark_place() -> EncodedImage:
    patch = np.full((50, 50, 3), (225, 170, 200), np.uint8)
    y, x = DARK_AT
    patch[y - 2 : y + 2, x - 2 : x + 2] = (70, 40, 110)
    return EncodedImage(png_of(patch))


class DarkPlace:
    """Inference whose P(IDC) is high as long as the place is dark."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.model = FAKE_MODEL
        self.waits: asyncio.Event | None = None

    async def predict(self, images: Sequence[EncodedImage], _request_id: str) -> list[Prediction]:
        self.sizes.append(len(images))
        if self.waits is not None:
            await self.waits.wait()
        return [self._one(image) for image in images]

    def _one(self, image: EncodedImage) -> Prediction:
        with Image.open(io.BytesIO(image.data)) as opened:
            red = np.asarray(opened)[DARK_AT[0], DARK_AT[1], 0]
        return Prediction(0.9 if red < 100 else 0.2, self.model, FAKE_THRESHOLDS)


@pytest.fixture
def inference() -> DarkPlace:
    return DarkPlace()


async def test_map_shows_the_place_on_which_the_answer_depends(inference: DarkPlace) -> None:
    found = await Explaining(inference.predict).explain(patch_with_a_dark_place(), "ann", "r")

    y, x = DARK_AT
    carrying = np.argwhere(found.changes > 0.5)
    assert found.whole.probability == 0.9
    assert found.changes.max() == pytest.approx(0.7)
    assert {(row, column) for row, column in carrying.tolist()} == {
        (row, column) for row in range(WINDOWS) for column in range(WINDOWS) if _covers(row, y) and _covers(column, x)
    }


def _covers(window: int, px: int) -> bool:
    return window * 5 <= px < window * 5 + 10


async def test_forward_passes_are_bounded_and_come_a_few_at_a_time(inference: DarkPlace) -> None:
    await Explaining(inference.predict).explain(patch_with_a_dark_place(), "ann", "r")

    assert sum(inference.sizes) == WINDOWS**2 + 1
    assert max(inference.sizes) == AT_ONCE


async def test_a_person_has_one_map_at_a_time_and_others_wait_in_line(inference: DarkPlace) -> None:
    inference.waits = asyncio.Event()
    explaining = Explaining(inference.predict)
    first = asyncio.create_task(explaining.explain(patch_with_a_dark_place(), "ann", "1"))
    other = asyncio.create_task(explaining.explain(patch_with_a_dark_place(), "bob", "2"))
    await eventually(lambda: bool(inference.sizes))

    with pytest.raises(TooMany, match="'ann' already waits"):
        await explaining.explain(patch_with_a_dark_place(), "ann", "3")
    assert len(inference.sizes) == 1, "the second person's map has not begun"
    inference.waits.set()
    await asyncio.gather(first, other)
    await explaining.explain(patch_with_a_dark_place(), "ann", "4")


async def test_waiting_has_an_end_and_leaves_nobody_locked_out(inference: DarkPlace) -> None:
    inference.waits = asyncio.Event()
    explaining = Explaining(inference.predict, wait_s=0.05)

    for _ in range(2):
        with pytest.raises(InferenceUnavailable, match=r"within 0\.05 s"):
            await explaining.explain(patch_with_a_dark_place(), "ann", "r")


async def test_two_models_make_no_map(inference: DarkPlace) -> None:
    async def predict(images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        if len(inference.sizes) == 3:
            inference.model = ModelRef(name="idc", version="2", sha256="1" * 64)
        return await inference.predict(images, request_id)

    with pytest.raises(InferenceUnavailable, match="exchanged"):
        await Explaining(predict).explain(patch_with_a_dark_place(), "ann", "r")


async def test_an_image_that_cannot_be_decoded_is_refused(inference: DarkPlace) -> None:
    with pytest.raises(UnusableImage, match="cannot be explained"):
        await Explaining(inference.predict).explain(EncodedImage(b"no image"), "ann", "r")
    assert inference.sizes == []
