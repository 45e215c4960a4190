"""Every overlay builds, fits the Kubernetes API's schemas strictly, and is hardened."""

import functools
import json
import re
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from idc_alarm.settings import AlarmSettings
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from support.kustomized import JOBS, K8S, build, pods, render
from support.setting_names import setting_names

OVERLAYS = ["overlays/dev", "overlays/edge", "overlays/edge-tls"]
DATA = ["data", "data/training"]
FOLDERS = [*OVERLAYS, *DATA, "jobs/load-data", *JOBS]
COMPONENTS = sorted(path.name for path in (K8S / "components").iterdir())
KUBERNETES_VERSION = "1.33"


@functools.cache
def validate_text(text: str) -> None:
    kubernetes_validate.validate(json.loads(text), KUBERNETES_VERSION, strict=True)


def validate(document: dict[str, Any]) -> None:
    """Validate a document against the API's schema, once for all folders that have it: each time reads 1 MB of schemas.

    Raises:
        kubernetes_validate.ValidationError: It does not fit.
    """
    validate_text(json.dumps(document))


def containers(folder: str) -> list[dict[str, Any]]:
    return [box for _, pod in pods(folder) for box in [*pod.get("initContainers", []), *pod["containers"]]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_manifest_fits_the_api_schema_strictly(folder: str) -> None:
    documents = build(folder)

    assert documents
    for document in documents:
        validate(document)


def test_strict_validation_finds_a_misspelt_field() -> None:
    document = deepcopy(next(item for item in build("overlays/dev") if item["kind"] == "Deployment"))
    document["spec"]["replica"] = 1

    with pytest.raises(kubernetes_validate.ValidationError):
        validate(document)


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


def settings_of(folder: str, service: str) -> dict[str, str]:
    """What the ConfigMap of a service says; kustomize adds a hash to its name."""
    (data,) = (
        item["data"]
        for item in build(folder)
        if item["kind"] == "ConfigMap" and item["metadata"]["name"].startswith(f"{service}-settings-")
    )
    return dict(data)


@pytest.mark.parametrize("folder", OVERLAYS)
@pytest.mark.parametrize("settings", [AlarmSettings, GatewaySettings, InferenceSettings])
def test_service_accepts_the_settings_of_its_config_map(
    folder: str, settings: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = str(settings.model_config["env_prefix"])
    data = settings_of(folder, prefix.rstrip("_").lower())
    for name, value in data.items():
        monkeypatch.setenv(name, value)

    settings()

    assert data.keys() <= setting_names(settings)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_changed_settings_restart_their_service(folder: str) -> None:
    maps = {item["metadata"]["name"] for item in build(folder) if item["kind"] == "ConfigMap"}
    used = {
        source["configMapRef"]["name"]
        for box in containers(folder)
        for source in box.get("envFrom", [])
        if "configMapRef" in source
    }

    assert used == maps
    assert all(re.fullmatch(r"[a-z]+-settings-[0-9a-z]{10}", name) for name in maps)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_deleting_an_overlay_deletes_no_data(folder: str) -> None:
    assert not {item["kind"] for item in build(folder)} & {"Namespace", "PersistentVolumeClaim"}


def test_every_volume_that_a_pod_mounts_is_among_the_data() -> None:
    claims = {item["metadata"]["name"] for folder in DATA for item in build(folder)} - {"idc-sentinel"}
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for folder in [*OVERLAYS, *JOBS, "jobs/load-data"]
        for _, pod in pods(folder)
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    }

    assert mounted == claims


def test_namespace_enforces_the_restricted_profile() -> None:
    (namespace,) = (item for item in build("data") if item["kind"] == "Namespace")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_image_is_pulled_from_a_public_registry(folder: str) -> None:
    assert all(box["imagePullPolicy"] == "Never" for box in containers(folder))


@pytest.mark.parametrize("folder", ["overlays/edge", "overlays/edge-tls"])
def test_on_an_edge_cluster_only_the_alarm_may_run_on_the_pi(folder: str) -> None:
    selectors = {name: pod["nodeSelector"] for name, pod in pods(folder)}

    assert selectors.pop("alarm") == {"idc-sentinel/gpio": "true"}
    assert selectors == {name: {"kubernetes.io/arch": "amd64"} for name in ("broker", "gateway", "inference")}


@pytest.mark.parametrize("folder", [*JOBS, "jobs/load-data"])
def test_training_runs_where_its_image_can(folder: str) -> None:
    assert all(pod["nodeSelector"] == {"kubernetes.io/arch": "amd64"} for _, pod in pods(folder))


@pytest.mark.parametrize("folder", JOBS)
def test_job_that_cannot_start_fails_within_a_day(folder: str) -> None:
    (job,) = (item for item in build(folder) if item["kind"] == "Job")

    assert job["spec"]["activeDeadlineSeconds"] <= 86_400


@pytest.mark.parametrize("folder", OVERLAYS)
def test_page_is_served_while_inference_is_away(folder: str) -> None:
    ((gateway,),) = [pod["containers"] for name, pod in pods(folder) if name == "gateway"]

    assert gateway["readinessProbe"]["httpGet"]["path"] == "/livez"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_no_probe_opens_a_bare_connection_to_a_tls_port(folder: str) -> None:
    probes = [probe for box in containers(folder) for name, probe in box.items() if name.endswith("Probe")]

    assert probes
    assert not any("tcpSocket" in probe for probe in probes)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_metrics_are_read_with_the_key_of_the_secret(folder: str) -> None:
    assert settings_of(folder, "gateway")["GATEWAY_METRICS_KEY_FILE"] == "/run/secrets/idc/metrics-key"


@pytest.mark.parametrize("service", ["gateway", "inference", "alarm", "broker"])
def test_what_compose_sets_of_a_service_is_set_here_too(service: str) -> None:
    compose = yaml.safe_load((K8S.parent / "docker-compose.yml").read_text())["services"][service]["environment"]

    assert compose.keys() <= settings_of("base", service).keys()


@pytest.mark.parametrize("folder", OVERLAYS)
def test_overlay_needs_no_kinds_that_a_cluster_may_lack(folder: str) -> None:
    assert {item["apiVersion"] for item in build(folder)} <= {"v1", "apps/v1", "networking.k8s.io/v1"}


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_fits_every_overlay(name: str, tmp_path: Path) -> None:
    shutil.copytree(K8S, tmp_path / "k8s")
    site = tmp_path / "k8s" / "overlays" / "own"
    site.mkdir()
    (site / "kustomization.yaml").write_text(f"resources: [../edge]\ncomponents: [../../components/{name}]\n")

    documents = [item for item in yaml.safe_load_all(render(str(site))) if item]

    assert documents != build("overlays/edge")
    for document in documents:
        validate(document)


def test_gateway_behind_traefik_is_reached_only_through_it() -> None:
    items = {(item["kind"], item["metadata"]["name"]): item for item in build("overlays/edge-tls")}

    assert items["Service", "gateway"]["spec"].get("type", "ClusterIP") == "ClusterIP"
    ((rule,),) = [items["NetworkPolicy", "gateway"]["spec"]["ingress"]]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert source["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}


def test_ingress_has_the_host_of_the_public_url_and_accepts_only_https() -> None:
    ingress = next(item for item in build("overlays/edge-tls") if item["kind"] == "Ingress")
    (rule,) = ingress["spec"]["rules"]

    assert settings_of("overlays/edge-tls", "gateway")["GATEWAY_PUBLIC_URL"] == f"https://{rule['host']}"
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert ingress["metadata"]["annotations"] == {"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"}


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
