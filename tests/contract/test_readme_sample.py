"""The tutorial shows a response as the gateway gives it, of the model that ships."""

import json
import re

from idc_gateway.web.routes.schemas import ClassificationItem
from idc_modelio.bundles import read_bundle
from support.documents import REPOSITORY


def test_sample_response_is_of_the_shipped_model_and_has_every_field() -> None:
    text = (REPOSITORY / "docs/start/first-results.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"^```json\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    (item,) = json.loads(sample)["items"]
    versions = sorted((REPOSITORY / "models/idc").iterdir(), key=lambda path: int(path.name))
    bundle = read_bundle(versions[-1])

    assert item.keys() == ClassificationItem.model_fields.keys()
    assert item["model"]["version"] == versions[-1].name
    thresholds = bundle.manifest.thresholds
    assert item["thresholds"] == {"no_idc_below": thresholds.no_idc_below, "idc_from": thresholds.idc_from}
