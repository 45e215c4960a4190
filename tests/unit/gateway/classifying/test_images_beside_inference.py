"""Images are stored while inference works on them; what a failed request stored is deleted."""

import asyncio
from collections.abc import Sequence

import httpx
from fastapi import FastAPI

from idc_gateway.classifying.check_image import CheckedImage
from idc_gateway.classifying.result_writer import ObjectNames, ResultWriter
from idc_gateway.errors import ImagesUnavailable, InferenceUnavailable
from idc_gateway.inference.ports import EncodedImage, Prediction
from idc_gateway.store import Store
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryImages, RednessInference

URL = "/api/v1/classifications"


async def test_image_is_stored_before_inference_answers(
    client: httpx.AsyncClient, images: MemoryImages, inference: RednessInference
) -> None:
    predict, stored_before = inference.predict, []

    async def wait_for_the_image(patches: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        await eventually(lambda: bool(images.images))
        stored_before.append(len(images.images))
        return await predict(patches, request_id)

    inference.predict = wait_for_the_image  # type: ignore[method-assign]

    answer = await client.post(URL, content=solid_png((255, 0, 0)))

    assert answer.status_code == 201
    assert stored_before == [1]


async def test_image_of_a_request_that_inference_failed_is_deleted(
    client: httpx.AsyncClient, app: FastAPI, images: MemoryImages, inference: RednessInference
) -> None:
    inference.failure = InferenceUnavailable("away")

    answer = await client.post(URL, content=solid_png((255, 0, 0)))

    assert answer.status_code == 503
    await eventually(lambda: bool(images.images))
    async with asyncio.timeout(30):
        while images.images:
            await asyncio.to_thread(app.state.gateway.results.deletions.delete_due)


def test_image_that_cannot_be_stored_fails_its_own_request_alone(store: Store) -> None:
    class OneRefused(MemoryImages):
        def put(self, name: str, data: bytes) -> None:
            if data == b"refused":
                raise ImagesUnavailable("the image store does not work: refused")
            super().put(name, data)

    images = OneRefused()
    writer = ResultWriter(store.results, store.images, images, site="site", device="gateway")

    first, refused, last = writer.put_images(
        [[CheckedImage("a.png", data, 50, 50, "image/png")] for data in (b"first", b"refused", b"last")]
    )

    assert isinstance(first, ObjectNames)
    assert isinstance(refused, ImagesUnavailable)
    assert isinstance(last, ObjectNames)
    assert sorted(images.images.values()) == [b"first", b"last"]
