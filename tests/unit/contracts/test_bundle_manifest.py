"""The checks in a bundle's manifest."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from idc_contracts import BundleManifest
from support.tiny_bundle import TINY_CHECKS, write_tiny_bundle


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """A valid manifest with checks."""
    content: dict[str, Any] = json.loads((write_tiny_bundle(tmp_path, has_checks=True) / "manifest.json").read_text())
    return content


def test_manifest_gives_its_checks(content: dict[str, Any]) -> None:
    assert BundleManifest.model_validate(content).checks == TINY_CHECKS


def test_manifest_of_an_older_bundle_has_no_checks(content: dict[str, Any]) -> None:
    del content["checks"]

    assert BundleManifest.model_validate(content).checks == ()


def test_two_limits_for_one_reason_and_output_are_refused(content: dict[str, Any]) -> None:
    content["checks"].append({"reason": "unfamiliar", "output": "distance", "from_value": 2.0})

    with pytest.raises(ValidationError, match="more than one limit for unfamiliar by distance"):
        BundleManifest.model_validate(content)
