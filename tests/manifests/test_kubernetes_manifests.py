"""Every overlay builds, fits the Kubernetes API's schemas strictly, and is hardened."""

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from idc_alarm.settings import AlarmSettings
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from idc_trainer.app import build_parser
from support.setting_names import setting_names

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = ["overlays/dev", "overlays/edge", "overlays/edge-tls"]
JOBS = ["jobs/trainer", "jobs/trainer-features", "jobs/trainer-merge"]
FOLDERS = [*OVERLAYS, "jobs/storage", *JOBS]
KUBERNETES_VERSION = "1.33"


@functools.cache
def render(folder: str) -> str:
    if shutil.which("kustomize"):
        command = ["kustomize", "build"]
    elif shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    else:
        pytest.skip("neither kustomize nor kubectl is installed")
    return subprocess.run([*command, K8S / folder], check=True, capture_output=True, text=True).stdout


def build(folder: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(render(folder)) if document]


def pods(folder: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (document["metadata"]["name"], document["spec"]["template"]["spec"])
        for document in build(folder)
        if document["kind"] in ("Deployment", "Job")
    ]


def containers(folder: str) -> list[dict[str, Any]]:
    return [box for _, pod in pods(folder) for box in [*pod.get("initContainers", []), *pod["containers"]]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_manifest_fits_the_api_schema_strictly(folder: str) -> None:
    # Traefik's own kinds have no schema in the Kubernetes API.
    documents = [item for item in build(folder) if not item["apiVersion"].startswith("traefik.io/")]

    assert documents
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


def test_strict_validation_finds_a_misspelt_field() -> None:
    document = next(item for item in build("overlays/dev") if item["kind"] == "Deployment")
    document["spec"]["replica"] = 1

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_overlay_has_every_service(folder: str) -> None:
    assert {name for name, _ in pods(folder)} == {"broker", "inference", "gateway", "alarm"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pod_runs_without_root(folder: str) -> None:
    for _, pod in pods(folder):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_container_is_hardened_and_limited(folder: str) -> None:
    for box in containers(folder):
        assert box["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in box["resources"]["limits"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_image_has_a_version(folder: str) -> None:
    for box in containers(folder):
        assert ":" in box["image"]
        assert not box["image"].endswith(":latest")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_secret_stands_in_a_manifest(folder: str) -> None:
    assert "Secret" not in {document["kind"] for document in build(folder)}


@pytest.mark.parametrize("folder", OVERLAYS)
@pytest.mark.parametrize("settings", [AlarmSettings, GatewaySettings, InferenceSettings])
def test_config_map_names_only_settings_that_exist(folder: str, settings: type[Any]) -> None:
    prefix = str(settings.model_config["env_prefix"])
    name = f"{prefix.rstrip('_').lower()}-settings"
    data = next(
        item["data"] for item in build(folder) if item["kind"] == "ConfigMap" and item["metadata"]["name"] == name
    )

    assert data.keys() <= setting_names(settings)


def test_gateway_behind_traefik_is_reached_through_it_alone() -> None:
    items = {(item["kind"], item["metadata"]["name"]): item for item in build("overlays/edge-tls")}

    assert items["Service", "gateway"]["spec"]["type"] == "ClusterIP"
    ((rule,),) = [items["NetworkPolicy", "gateway"]["spec"]["ingress"]]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert source["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}


def test_ingress_names_one_host_and_the_middlewares_that_exist() -> None:
    items = build("overlays/edge-tls")
    ingress = next(item for item in items if item["kind"] == "Ingress")
    named = ingress["metadata"]["annotations"]["traefik.ingress.kubernetes.io/router.middlewares"]
    made = [item["metadata"] for item in items if item["kind"] == "Middleware"]
    settings = next(item["data"] for item in items if item["metadata"]["name"] == "gateway-settings")

    assert set(named.split(",")) == {f"{item['namespace']}-{item['name']}@kubernetescrd" for item in made}
    (rule,) = ingress["spec"]["rules"]
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert settings["GATEWAY_PUBLIC_URL"] == f"https://{rule['host']}"


def test_each_shard_of_the_features_has_an_index_of_its_own() -> None:
    (job,) = (item for item in build("jobs/trainer-features") if item["kind"] == "Job")
    (box,) = job["spec"]["template"]["spec"]["containers"]
    variables = {variable["name"]: variable for variable in box["env"]}

    assert job["spec"]["completionMode"] == "Indexed"
    assert variables["SHARDS"]["value"] == str(job["spec"]["completions"])
    path = variables["SHARD"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert path == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert box["args"][-2:] == ["--shard", "$(SHARD)/$(SHARDS)"]


def test_the_training_jobs_share_one_cache() -> None:
    claims = [
        {volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
        for folder in JOBS
        for _, pod in pods(folder)
    ]

    assert all({"training-data", "training-cache"} <= found for found in claims)


@pytest.mark.parametrize("folder", JOBS)
def test_the_trainer_s_command_line_takes_what_a_job_gives_it(folder: str) -> None:
    ((box,),) = [pod["containers"] for _, pod in pods(folder)]
    arguments = [text.replace("$(SHARD)", "3").replace("$(SHARDS)", "8") for text in box["args"]]

    options = build_parser(arguments).parse_args(arguments)

    assert options.cache == Path("/cache")
