"""The latest patches beside the training's, over the interface."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from idc_contracts import ModelRef
from idc_gateway.errors import ImagesUnavailable
from support import gateway_fakes
from support.demo_patches import png_of, solid_png
from support.gateway_accounts import key_of
from support.gateway_fakes import MemoryImages, RednessInference
from support.stained_patches import made_reference, stained_patches

STATISTICS = "/api/v1/statistics"


@pytest.fixture(autouse=True)
def _reference(inference: RednessInference) -> None:
    reference = made_reference(stained_patches(seed, 20) for seed in range(30))
    inference.figures = {"reference": reference.model_dump(mode="json")}


async def classify(client: httpx.AsyncClient, seed: int, *, patient: str | None, **changes: Any) -> None:
    """Send twenty patches of one patient, by name or not."""
    files = [
        ("images", (f"{n}.png", png_of(patch), "image/png"))
        for n, patch in enumerate(stained_patches(seed, 20, **changes))
    ]
    query = {} if patient is None else {"patient": patient}
    assert (await client.post("/api/v1/classifications", files=files, params=query)).is_success


async def shifts(client: httpx.AsyncClient) -> dict[str, str]:
    """Where each measure lies."""
    return {item["measure"]: item["shift"] for item in (await client.get(STATISTICS)).json()["measures"]}


async def test_patches_like_those_of_the_training_have_not_moved(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await classify(client, 100 + number, patient=f"p{number}")

    found = (await client.get(STATISTICS)).json()

    assert (found["patches"], found["patients"], found["unnamed"], found["version"]) == (100, 5, 0, "1")
    assert {item["shift"] for item in found["measures"] if item["measure"] != "unfamiliar"} == {"none"}
    assert sum(found["probability_shares"]) == pytest.approx(1)


async def test_darker_bluer_and_blurred_patches_have_moved(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await classify(client, 100 + number, patient=f"p{number}", density=1.6, haematoxylin=0.8, is_blurred=True)

    found = await shifts(client)

    assert (found["stain_density"], found["stain_hue_deg"], found["sharpness"]) == ("higher", "lower", "lower")


async def test_patches_that_name_nobody_count_as_one_patient(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await classify(client, 100 + number, patient=None)

    found = (await client.get(STATISTICS)).json()

    assert (found["patients"], found["unnamed"]) == (0, 60)
    assert {item["patients"] for item in found["measures"]} == {1}


async def test_results_of_another_model_are_left_out(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await classify(client, 100, patient="a")
    other = ModelRef(name="idc", version="2", sha256="2" * 64)
    monkeypatch.setattr(gateway_fakes, "FAKE_MODEL", other)
    app.state.gateway.inference._described_at_s = float("-inf")

    found = (await client.get(STATISTICS)).json()

    assert (found["version"], found["patches"], found["other_models"]) == ("2", 0, 20)
    assert found["probability_shares"] is None


async def test_model_without_a_reference_is_not_compared(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    inference.figures = {"reference": {"measures": {}, "of": "a newer version"}}
    await classify(client, 100, patient="a")

    found = (await client.get(STATISTICS)).json()

    assert found["has_reference"] is False
    assert {item["shift"] for item in found["measures"]} == {"unknown"}


async def test_image_store_that_fails_leaves_what_results_tell(client: httpx.AsyncClient, images: MemoryImages) -> None:
    await classify(client, 100, patient="a")
    images.failure = ImagesUnavailable("the bucket is away")

    found = {item["measure"]: item for item in (await client.get(STATISTICS)).json()["measures"]}

    assert found["probability"]["value"] is not None
    assert found["stain_density"] | {"value": None, "patches": 0} == found["stain_density"]


async def test_patch_without_tissue_has_no_stain(client: httpx.AsyncClient) -> None:
    for grey in range(20):
        await client.post("/api/v1/classifications", content=solid_png((255, 255, 235 + grey)))

    found = {item["measure"]: item for item in (await client.get(STATISTICS)).json()["measures"]}

    assert found["stain_density"]["patches"] == 0
    assert found["sharpness"]["patches"] == 20


async def test_key_that_may_only_send_does_not_see_statistics(client: httpx.AsyncClient) -> None:
    headers = await key_of(client, "scanner", role=None, scopes=["classify"])

    assert (await client.get(STATISTICS, headers=headers)).status_code == 403
