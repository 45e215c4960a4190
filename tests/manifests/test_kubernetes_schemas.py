"""Everything in k8s/ builds, and fits the schemas of the newest and the oldest supported Kubernetes strictly."""

import functools
import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest

from support.kustomized import COMPONENTS, EVERYTHING, K8S, build, of_kind

OLDEST: Final = "1.31"
NEWEST: Final = kubernetes_validate.latest_version()


@functools.cache
def validate_text(text: str, version: str) -> None:
    kubernetes_validate.validate(json.loads(text), version, strict=True)


def validate(document: dict[str, Any], version: str) -> None:
    """Validate a document, once for all folders that have it: each time reads 1 MB of schemas.

    Raises:
        kubernetes_validate.ValidationError: It does not fit.
    """
    validate_text(json.dumps(document, sort_keys=True), version)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("folder", [*EVERYTHING, "device-plugin"])
def test_manifest_fits_the_api_schema_strictly(folder: str, version: str) -> None:
    documents = build(folder)

    assert documents
    for document in documents:
        validate(document, version)


def test_strict_validation_finds_a_misspelt_field() -> None:
    document = deepcopy(of_kind("overlays/dev", "Deployment")["inference"])
    document["spec"]["replica"] = 1

    with pytest.raises(kubernetes_validate.ValidationError):
        validate(document, NEWEST)


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_changes_what_the_base_makes(name: str) -> None:
    assert build(f"components/{name}") != build("base")


@pytest.mark.parametrize("name", sorted(path.name for path in (K8S / "components").iterdir()))
def test_component_has_a_readme_with_its_name(name: str) -> None:
    assert (K8S / "components" / name / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")


@pytest.mark.parametrize("folder", ["dev", "edge", "site"])
def test_overlay_only_chooses(folder: str) -> None:
    assert [path.name for path in (K8S / "overlays" / folder).iterdir()] == ["kustomization.yaml"]


@pytest.mark.parametrize("folder", EVERYTHING)
def test_overlay_needs_no_kinds_that_a_cluster_may_lack(folder: str) -> None:
    assert {item["apiVersion"] for item in build(folder)} <= {
        "v1",
        "apps/v1",
        "autoscaling/v2",
        "batch/v1",
        "networking.k8s.io/v1",
        "policy/v1",
        "rbac.authorization.k8s.io/v1",
        "scheduling.k8s.io/v1",
    }


def test_service_is_one_file_of_the_base() -> None:
    files = {path.stem for path in (Path(K8S) / "base").glob("*.yaml")}

    assert {"broker", "inference", "gateway", "alarm", "bootstrap"} <= files
