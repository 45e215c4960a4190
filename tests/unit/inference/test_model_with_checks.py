"""A model with further outputs: each is served, and any limit that is reached makes a patch uncertain."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from idc_contracts.decision import checks_from_text
from idc_inference.errors import ModelUnavailable
from idc_inference.settings import InferenceSettings
from support.demo_patches import solid_png
from support.infer_requests import app_around, asked, post
from support.inference_fakes import RednessEngine
from support.tiny_bundle import TINY_CHECKS, tiny_outputs, write_tiny_bundle


@pytest.fixture
async def checking(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Asks a model with checks."""
    write_tiny_bundle(tmp_path, has_checks=True)
    async with asked(app_around(InferenceSettings(models_dir=tmp_path), RednessEngine(has_checks=True))) as client:
        yield client


WHITE, GREEN, CYAN, BLUE, RED = (255, 255, 255), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 0)


async def test_model_with_checks_gives_each_output_and_is_uncertain_for_any_reason(checking: httpx.AsyncClient) -> None:
    answer = (await post(checking, [solid_png(colour) for colour in (WHITE, GREEN, CYAN, BLUE, RED)])).json()

    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert list(outputs) == ["probability", "decision", "little_tissue", "out_of_focus", "unfamiliar", "distance"]
    assert outputs["probability"] == [1, 0, 0, 0, 1]
    assert outputs["little_tissue"] == [1, 0, 0, 0, 0]
    assert outputs["unfamiliar"] == [0, 1, 0, 0, 0]
    assert outputs["distance"] == [0, 3, 3, 0, 0]
    assert outputs["out_of_focus"] == [0, 0, 0, 1, 0]
    assert outputs["decision"] == ["uncertain"] * 4 + ["idc"]


async def test_responses_and_metadata_carry_the_checks(checking: httpx.AsyncClient) -> None:
    answer = (await post(checking, [solid_png(RED)])).json()
    metadata = (await checking.get("/v2/models/idc")).json()
    config = (await checking.get("/v2/models/idc/config")).json()

    for described in (answer, metadata):
        assert checks_from_text(described["parameters"]["checks"]) == TINY_CHECKS
    names = [output["name"] for output in answer["outputs"]]
    assert [output["name"] for output in metadata["outputs"]] == names
    assert [output["name"] for output in config["output"]] == names
    assert {output["datatype"] for output in metadata["outputs"][2:]} == {"FP32"}


async def test_results_stay_with_their_patches_across_chunks(checking: httpx.AsyncClient) -> None:
    """40 images are 3 pieces and many chunks."""
    colours = [(level * 6, 255 - level * 6, 0) for level in range(40)]

    answer = (await post(checking, [solid_png(colour) for colour in colours])).json()

    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    expected = tiny_outputs(np.array(colours, np.uint8)[:, None, None])
    for name in ("probability", "unfamiliar", "distance"):
        np.testing.assert_allclose(outputs[name], expected[name], atol=1e-5)


async def test_model_whose_graph_lacks_a_checked_output_is_not_served(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, has_checks=True)

    with pytest.raises(ModelUnavailable, match="the graph has no output 'little_tissue'"):
        app_around(InferenceSettings(models_dir=tmp_path), RednessEngine())
