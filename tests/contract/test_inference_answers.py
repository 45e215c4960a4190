"""What the gateway asks, inference reads; what inference answers, the gateway reads: reasons and scales too."""

from pathlib import Path

import pytest

from idc_contracts import Reason
from idc_gateway.inference.oip_messages import Answer, ModelMetadata, binary_request, json_request, patches_request
from idc_gateway.inference.ports import EncodedImage
from idc_inference.settings import InferenceSettings
from idc_modelio.patches import decode_patch
from support.demo_patches import solid_png
from support.infer_requests import app_around, asked
from support.inference_fakes import RednessEngine
from support.tiny_bundle import TINY_CHECKS, write_tiny_bundle

WHITE, GREEN, BLUE, RED = (solid_png(colour) for colour in ((255, 255, 255), (0, 255, 0), (0, 0, 255), (255, 0, 0)))
INFER = "/v2/models/idc/infer"
UNKNOWN = (None, None, None, None)
SOME = (None, 4.0, None, 0.5)


@pytest.mark.parametrize(
    ("form", "scales_um_per_px"),
    [("images", UNKNOWN), ("images", SOME), ("json", UNKNOWN), ("json", SOME), ("patches", UNKNOWN)],
)
async def test_gateway_and_inference_understand_each_other(
    tmp_path: Path, form: str, scales_um_per_px: tuple[float | None, ...]
) -> None:
    write_tiny_bundle(tmp_path, has_checks=True)
    images = [EncodedImage(*pair) for pair in zip((WHITE, GREEN, BLUE, RED), scales_um_per_px, strict=True)]
    if form != "json":
        patches = [decode_patch(image.data, height_px=50, width_px=50).tobytes() for image in images]
        body, length = patches_request(patches, "r") if form == "patches" else binary_request(images, "r")
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(length)}
    else:
        body, headers = json_request(images, "r"), {"Content-Type": "application/json"}

    async with asked(app_around(InferenceSettings(models_dir=tmp_path), RednessEngine(has_checks=True))) as server:
        answer = await server.post(INFER, content=body, headers=headers)
        metadata = await server.get("/v2/models/idc")

    assert answer.status_code == 200, answer.text
    predictions = Answer.model_validate_json(answer.content).predictions(4)
    assert [prediction.probability for prediction in predictions] == [1, 0, 0, 1]
    assert [prediction.reasons for prediction in predictions] == [
        (Reason.LITTLE_TISSUE,),
        (Reason.UNFAMILIAR,),
        (Reason.OUT_OF_FOCUS,),
        (),
    ]
    described = ModelMetadata.model_validate_json(metadata.content)
    assert described.takes_patches
    assert described.description().checks == TINY_CHECKS
