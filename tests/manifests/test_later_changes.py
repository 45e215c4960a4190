"""A component or overlay that a site chooses later is an update that the API server accepts and that no node blocks."""

from typing import Any, Final

import pytest

from support.kustomized import COMPONENTS, EVERYTHING, JOBS, OVERLAYS, build, containers, pods, template

VARIANTS: Final = ["base", *(f"components/{name}" for name in COMPONENTS), *OVERLAYS]
# https://kubernetes.io/docs/reference/kubernetes-api/: what an update of a StatefulSet may change
OF_A_STATEFUL_SET: Final = {
    *("replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
}


def fixed(document: dict[str, Any]) -> Any:
    """The part of a document that no update may change; None where there is none."""
    spec = document.get("spec", {})
    match document["kind"]:
        case "StatefulSet":
            return {name: value for name, value in spec.items() if name not in OF_A_STATEFUL_SET}
        case "Deployment" | "DaemonSet":
            return spec["selector"]
        case "Service":
            return spec.get("clusterIP")
        case "RoleBinding":
            return document["roleRef"]
        case "PriorityClass":
            return {name: value for name, value in document.items() if name not in ("metadata", "description")}
    return None


def test_no_variant_changes_what_the_api_server_lets_nobody_change() -> None:
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for folder in VARIANTS:
        for document in build(folder):
            seen.setdefault((document["kind"], document["metadata"]["name"]), {})[folder] = fixed(document)

    differ = {
        key: found
        for key, found in seen.items()
        if any(value != next(iter(found.values())) for value in found.values())
    }
    assert differ == {}


def test_the_number_of_replicas_may_change_and_the_order_of_their_start_may_not() -> None:
    stateful_set = {
        "kind": "StatefulSet",
        "spec": {"replicas": 1, "serviceName": "a", "podManagementPolicy": "Parallel"},
    }

    assert fixed(stateful_set) == {"serviceName": "a", "podManagementPolicy": "Parallel"}


@pytest.mark.parametrize("folder", EVERYTHING)
def test_probe_waits_for_a_busy_node(folder: str) -> None:
    for pod in pods(folder).values():
        for box in containers(pod):
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert box.get(name, {}).get("timeoutSeconds", 5) >= 5, f"{box['name']}: {name}"


@pytest.mark.parametrize("folder", EVERYTHING)
def test_nothing_is_restarted_because_its_node_is_busy(folder: str) -> None:
    # a command in a container takes several seconds on a node with ten times as much work as cores
    for pod in pods(folder).values():
        for probe in [box["livenessProbe"] for box in containers(pod) if "livenessProbe" in box]:
            assert probe["timeoutSeconds"] >= (20 if "exec" in probe else 10)
            assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


@pytest.mark.parametrize("folder", EVERYTHING)
def test_service_has_five_minutes_to_start(folder: str) -> None:
    # an UP Squared starts everything at once after a loss of power
    for pod in pods(folder).values():
        for box in containers(pod):
            if "startupProbe" in box:
                assert box["startupProbe"]["periodSeconds"] * box["startupProbe"]["failureThreshold"] >= 300


@pytest.mark.parametrize("folder", EVERYTHING)
def test_every_probe_names_a_port_of_its_container(folder: str) -> None:
    for pod in pods(folder).values():
        for box in containers(pod):
            ports = {port["name"] for port in box.get("ports", [])}
            asked = {box[name]["httpGet"]["port"] for name in box if name.endswith("Probe") and "httpGet" in box[name]}
            assert asked <= ports


@pytest.mark.parametrize("folder", EVERYTHING)
def test_every_mount_has_its_volume_and_every_volume_a_mount(folder: str) -> None:
    for name, pod in pods(folder).items():
        mounted = {mount["name"] for box in containers(pod) for mount in box.get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in pod.get("volumes", [])}, name


@pytest.mark.parametrize("folder", [folder for folder in EVERYTHING if not folder.startswith("jobs/")])
def test_selector_of_each_workload_service_and_budget_meets_pods(folder: str) -> None:
    labels = [
        template(document)["metadata"]["labels"] for document in build(folder) if "template" in document.get("spec", {})
    ]
    for document in build(folder):
        selector = document.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
            own = document["spec"]["template"]["metadata"]["labels"]
            assert wanted.items() <= own.items()
        elif document["kind"] in ("Service", "PodDisruptionBudget") and not document["metadata"]["name"].endswith(
            "-replicas"
        ):
            name = document["metadata"]["name"]
            assert any(wanted.items() <= own.items() for own in labels) or folder == "components/inference-outside", (
                name
            )


@pytest.mark.parametrize("folder", OVERLAYS)
def test_stateful_set_is_governed_by_a_service_that_exists(folder: str) -> None:
    services = {item["metadata"]["name"] for item in build(folder) if item["kind"] == "Service"}

    assert {item["spec"]["serviceName"] for item in build(folder) if item["kind"] == "StatefulSet"} <= services


@pytest.mark.parametrize("job", JOBS)
def test_pod_of_a_person_needs_nothing_of_an_overlay_to_be_admitted(job: str) -> None:
    # the API server refuses a pod whose priority class is not there; a Job's pods it would refuse later
    (document,) = build(f"jobs/{job}")

    assert document["kind"] == "Job" or "priorityClassName" not in document["spec"]


@pytest.mark.parametrize("folder", ["overlays/dev", "overlays/edge"])
def test_everything_at_rest_fits_the_smallest_up_squared(folder: str) -> None:
    # 4 GB, of which k3s and the system take some 1.5; two cores
    units = {"Mi": 2**20, "Gi": 2**30}
    memory = cpu = 0.0
    for name, pod in pods(folder).items():
        if name in ("alarm", "bootstrap", "renew-certificates"):
            continue
        for box in pod["containers"]:
            asked = box["resources"]["requests"]
            memory += float(asked["memory"][:-2]) * units[asked["memory"][-2:]]
            cpu += float(asked["cpu"].removesuffix("m")) / (1000 if asked["cpu"].endswith("m") else 1)

    assert memory <= 1.5 * 2**30
    assert cpu <= 1.0
