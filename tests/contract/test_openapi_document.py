"""The committed description of the REST interface is the one that the gateway serves."""

import json
from pathlib import Path

from idc_gateway.openapi import main, openapi_text

DOCUMENT = Path(__file__).parents[2] / "docs/reference/openapi.json"


def test_committed_description_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == openapi_text(), "run `make schemas`"


def test_description_says_that_it_is_not_a_medical_device() -> None:
    assert "Not a medical device" in json.loads(openapi_text())["info"]["description"]


def test_description_is_written_where_asked(tmp_path: Path) -> None:
    assert main([str(tmp_path / "openapi.json")]) == 0

    assert (tmp_path / "openapi.json").read_text() == openapi_text()
