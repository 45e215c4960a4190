"""Images are stored while inference works on them; what a failed request stored is deleted."""

import asyncio
from collections.abc import Sequence

import httpx
from fastapi import FastAPI

from idc_contracts import utc_now
from idc_gateway.classifying.check_image import CheckedImage
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.result_writer import Entry, ObjectNames, ResultWriter
from idc_gateway.errors import ImagesUnavailable, InferenceUnavailable
from idc_gateway.idempotency.job import Job
from idc_gateway.inference.ports import EncodedImage, Prediction
from idc_gateway.store import Store
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS, MemoryImages, RednessInference

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


async def test_image_that_was_lost_is_stored_again_under_its_name(
    client: httpx.AsyncClient, images: MemoryImages
) -> None:
    await client.post(URL, content=solid_png((255, 0, 0)))
    before = dict(images.images)
    images.images.clear()

    await client.post(URL, content=solid_png((255, 0, 0)))

    assert images.images == before


def test_known_image_that_is_there_is_not_stored_again(store: Store) -> None:
    puts: list[str] = []

    class Noting(MemoryImages):
        def put(self, name: str, data: bytes) -> None:
            puts.append(name)
            super().put(name, data)

    writer = ResultWriter(store.results, store.images, Noting(), site="site", device="gateway")
    image = CheckedImage("a.png", solid_png((255, 0, 0)), 50, 50, "image/png")
    for _ in range(2):
        (names,) = writer.put_images([[image]])
        assert isinstance(names, ObjectNames)
        prediction = Prediction(0.9, FAKE_MODEL, FAKE_THRESHOLDS)
        outcome = Outcome(0, "a.png", writer.new_result(image, prediction, 1.0, utc_now()))
        writer.write([Entry([outcome], [image], Job("first", "r"), utc_now(), names)])

    assert len(puts) == 1


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
