"""Metadata carries what a slide's cut is fitted with."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from idc_contracts.slide_scores import SlideScores, slide_scores_from_text, slide_scores_to_text
from idc_inference.settings import InferenceSettings
from support.infer_requests import app_around, asked
from support.inference_fakes import RednessEngine
from support.tiny_bundle import TINY_SLIDE_SCORES, write_tiny_bundle


@pytest.mark.parametrize(("has_slide_scores", "expected"), [(True, TINY_SLIDE_SCORES), (False, None)])
async def test_metadata_carries_the_slide_scores_of_the_bundle(
    tmp_path: Path, has_slide_scores: bool, expected: SlideScores | None
) -> None:
    write_tiny_bundle(tmp_path, has_slide_scores=has_slide_scores)

    async with asked(app_around(InferenceSettings(models_dir=tmp_path), RednessEngine())) as client:
        parameters = (await client.get("/v2/models/idc")).json()["parameters"]

    assert slide_scores_from_text(parameters["slide_scores"]) == expected


def test_slide_scores_survive_being_text() -> None:
    assert slide_scores_from_text(slide_scores_to_text(TINY_SLIDE_SCORES)) == TINY_SLIDE_SCORES


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"window": 3'])
def test_text_that_holds_no_slide_scores_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        slide_scores_from_text(text)
