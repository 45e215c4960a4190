"""Images that browsers do not show, as PNG."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from idc_gateway.store import Store
from support.gateway_fakes import MemoryImages

URL = "/api/v1/classifications"


def picture() -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(kind: str) -> bytes:
    data = io.BytesIO()
    picture().save(data, kind)
    return data.getvalue()


async def posted(client: httpx.AsyncClient, kind: str) -> str:
    item = (await client.post(URL, content=encoded(kind))).json()["items"][0]
    return f"{URL}/{item['id']}/image"


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
async def test_rendition_has_the_pixels_of_the_image(client: httpx.AsyncClient, kind: str) -> None:
    place = await posted(client, kind)

    answer = await client.get(place, params={"as": "png"})

    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    with Image.open(io.BytesIO(answer.content), formats=["PNG"]) as shown:
        assert np.array_equal(np.asarray(shown), np.asarray(picture()))
    assert (await client.get(place)).content == encoded(kind), "the image itself stays as it was sent"


async def test_png_is_its_own_rendition(client: httpx.AsyncClient) -> None:
    place = await posted(client, "PNG")

    assert (await client.get(place, params={"as": "png"})).content == encoded("PNG")


async def test_tags_of_image_and_rendition_differ(client: httpx.AsyncClient) -> None:
    place = await posted(client, "TIFF")

    tags = [(await client.get(place, params=query)).headers["ETag"] for query in ({}, {"as": "png"})]

    assert len(set(tags)) == 2


async def test_rendition_carries_nothing_but_pixels(client: httpx.AsyncClient) -> None:
    data = io.BytesIO()
    picture().save(data, "TIFF", description="Erika Mustermann")
    item = (await client.post(URL, content=data.getvalue())).json()["items"][0]

    shown = (await client.get(f"{URL}/{item['id']}/image", params={"as": "png"})).content

    assert b"Mustermann" in data.getvalue()
    assert b"Mustermann" not in shown


async def test_other_renditions_are_refused(client: httpx.AsyncClient) -> None:
    place = await posted(client, "TIFF")

    assert (await client.get(place, params={"as": "svg"})).status_code == 422


async def test_removed_image_has_no_rendition(client: httpx.AsyncClient, images: MemoryImages, store: Store) -> None:
    place = await posted(client, "TIFF")
    images.images.clear()

    assert (await client.get(place, params={"as": "png"})).status_code == 404
