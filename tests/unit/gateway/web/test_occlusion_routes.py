"""The occlusion map of a stored image, over HTTP."""

from uuid import UUID

import httpx
import numpy as np
import pytest

from idc_gateway.errors import InferenceUnavailable
from support.demo_patches import png_of
from support.gateway_accounts import key_of
from support.gateway_fakes import MemoryImages, RednessInference

URL = "/api/v1/classifications"


@pytest.fixture
async def stored(client: httpx.AsyncClient) -> str:
    """The path of a result whose image is red in its upper left corner alone."""
    patch = np.full((50, 50, 3), (60, 90, 120), np.uint8)
    patch[:10, :10, 0] = 255
    answer = await client.post(URL, content=png_of(patch), headers={"Content-Type": "image/png"})
    return f"{URL}/{answer.json()['items'][0]['id']}"


async def test_map_has_values_scale_colour_and_the_model_that_answered(client: httpx.AsyncClient, stored: str) -> None:
    answer = await client.get(f"{stored}/occlusion")

    assert answer.status_code == 200, answer.text
    found = answer.json()
    change = np.array(found["change"])
    assert change.shape == (9, 9)
    assert np.unravel_index(change.argmax(), change.shape) == (0, 0), (
        "hiding the red corner lowers the mean of red most"
    )
    assert (change[4:, 4:] <= 0).all()
    assert (found["window_um"], found["step_um"], found["patch_um"]) == (40.0, 20.0, 200.0)
    assert found["model"]["version"] == "1"
    assert found["fill"][1:] == [90, 120]


async def test_viewer_may_ask_and_the_view_is_recorded(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, stored: str
) -> None:
    key = await key_of(client, "eva", "viewer")

    assert (await stranger.get(f"{stored}/occlusion")).status_code == 401
    assert (await stranger.get(f"{stored}/occlusion", headers=key)).status_code == 200

    entries = (await client.get("/api/v1/audit")).json()["items"]
    assert ("occlusion.viewed", "eva") in {(entry["action"], entry["actor"]) for entry in entries}


async def test_result_without_its_image_has_no_map(
    client: httpx.AsyncClient, stored: str, images: MemoryImages
) -> None:
    images.images.clear()

    assert (await client.get(f"{stored}/occlusion")).status_code == 404
    assert (await client.get(f"{URL}/{UUID(int=1)}/occlusion")).status_code == 404


async def test_inference_that_is_away_is_said(
    client: httpx.AsyncClient, stored: str, inference: RednessInference
) -> None:
    inference.failure = InferenceUnavailable("the inference service does not answer")

    answer = await client.get(f"{stored}/occlusion")

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:idc-sentinel:problem:inference-unavailable")
