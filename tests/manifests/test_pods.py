"""Every pod fits PodSecurity `restricted`, is limited and probed, and drains."""

from typing import Any

import pytest

from support.kustomized import EVERYTHING, OVERLAYS, build, containers, of_kind, pods, settings_of, workload_name

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
SERVICES = {"broker", "inference", "gateway", "alarm", "bootstrap", "renew-certificates"}


def violations(pod: dict[str, Any]) -> list[str]:
    """What the profile `restricted` would refuse in a pod's specification."""
    found = []
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") in (None, 0):
        found.append("may run as root")
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("no seccomp profile")
    found += [name for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if pod.get(name)]
    for volume in pod.get("volumes", []):
        if not (volume.keys() - {"name"} <= ALLOWED_VOLUMES | {"secret"}):
            found.append(f"volume {volume['name']}")
    for box in containers(pod):
        own = box.get("securityContext", {})
        if own != {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }:
            found.append(f"container {box['name']}: {own}")
        if any("hostPort" in port for port in box.get("ports", [])):
            found.append(f"container {box['name']}: host port")
    return found


@pytest.mark.parametrize("folder", EVERYTHING)
def test_pod_fits_the_profile_restricted(folder: str) -> None:
    assert {name: violations(pod) for name, pod in pods(folder).items() if violations(pod)} == {}


def test_profile_is_checked_by_every_rule() -> None:
    pod = {
        "hostNetwork": True,
        "volumes": [{"name": "disk", "hostPath": {"path": "/"}}],
        "containers": [{"name": "a", "ports": [{"hostPort": 1}], "securityContext": {"privileged": True}}],
    }

    assert len(violations(pod)) == 6


@pytest.mark.parametrize("folder", ["data", "data-several-alarms"])
def test_namespace_enforces_that_profile(folder: str) -> None:
    labels = of_kind(folder, "Namespace")["idc-sentinel"]["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_device_plug_in_is_root_with_two_folders_and_without_any_privilege() -> None:
    pod = pods("device-plugin")["device-plugin"]

    (box,) = pod["containers"]
    assert violations(pod) == ["may run as root", "volume sockets", "volume devices"]
    assert (pod["securityContext"]["runAsUser"], pod["automountServiceAccountToken"]) == (0, False)
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in box["volumeMounts"]}
    assert mounts == {"/var/lib/kubelet/device-plugins": False, "/dev": True}
    # the runtime makes this file, which it cannot do in a read-only folder
    assert not box["terminationMessagePath"].startswith("/dev")


def test_nobody_reaches_the_device_plug_in_and_it_reaches_nobody() -> None:
    policy = of_kind("device-plugin", "NetworkPolicy")["device-plugin"]

    assert policy["metadata"]["namespace"] == "idc-devices"
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_device_plug_in_has_a_namespace_of_its_own() -> None:
    documents = build("device-plugin")

    assert {item["metadata"].get("namespace", item["metadata"]["name"]) for item in documents} == {"idc-devices"}
    assert {workload_name(item) for item in documents if item["kind"] != "Namespace"} == {"device-plugin"}
    assert "@sha256:" in pods("device-plugin")["device-plugin"]["containers"][0]["image"]


@pytest.mark.parametrize("folder", EVERYTHING)
def test_pod_has_no_token_of_the_cluster_but_the_bootstrap(folder: str) -> None:
    for name, pod in pods(folder).items():
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        projected = [volume for volume in pod["volumes"] if "projected" in volume] if "volumes" in pod else []
        assert bool(projected) == (name in ("bootstrap", "renew-certificates"))


@pytest.mark.parametrize("folder", EVERYTHING)
def test_container_requests_and_limits_processor_and_memory(folder: str) -> None:
    for pod in pods(folder).values():
        for box in containers(pod):
            assert box["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert box["resources"]["limits"].keys() >= {"cpu", "memory"}


@pytest.mark.parametrize("folder", [*OVERLAYS, "components/observability"])
def test_service_has_three_probes_and_time_to_drain(folder: str) -> None:
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for name, document in of_kind(folder, kind).items():
            pod = document["spec"]["template"]["spec"]
            (box,) = pod["containers"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= box.keys(), name
            assert pod.get("terminationGracePeriodSeconds", 30) >= 30


@pytest.mark.parametrize("folder", OVERLAYS)
def test_inference_drains_within_its_grace_period(folder: str) -> None:
    drain_s = float(settings_of(folder, "inference")["INFERENCE_DRAIN_DELAY_S"]) + 10

    assert drain_s < pods(folder)["inference"]["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_page_is_served_while_inference_is_away(folder: str) -> None:
    (gateway,) = pods(folder)["gateway"]["containers"]

    assert gateway["readinessProbe"]["httpGet"]["path"] == "/livez"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_no_probe_opens_a_bare_connection_to_a_tls_port(folder: str) -> None:
    probes = [
        probe
        for pod in pods(folder).values()
        for box in containers(pod)
        for name, probe in box.items()
        if name.endswith("Probe")
    ]

    assert probes
    assert not any("tcpSocket" in probe for probe in probes)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_service_is_there(folder: str) -> None:
    assert pods(folder).keys() >= SERVICES


@pytest.mark.parametrize("folder", OVERLAYS)
def test_alarm_comes_before_everything_else(folder: str) -> None:
    value = of_kind(folder, "PriorityClass")["idc-alarm"]["value"]

    assert value > 0 > of_kind(folder, "PriorityClass")["idc-batch"]["value"]
    assert {name for name, pod in pods(folder).items() if pod.get("priorityClassName") == "idc-alarm"} == {"alarm"}


@pytest.mark.parametrize("folder", EVERYTHING)
def test_budget_leaves_a_drain_possible(folder: str) -> None:
    replicas = {name: item["spec"].get("replicas") for name, item in of_kind(folder, "StatefulSet").items()}
    replicas |= {name: item["spec"]["minReplicas"] for name, item in of_kind(folder, "HorizontalPodAutoscaler").items()}

    for name, budget in of_kind(folder, "PodDisruptionBudget").items():
        assert budget["spec"]["minAvailable"] < replicas[name]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_has_replicas_has_a_budget(folder: str) -> None:
    several = {n for n, item in of_kind(folder, "StatefulSet").items() if item["spec"]["replicas"] > 1}
    several |= of_kind(folder, "HorizontalPodAutoscaler").keys()

    assert of_kind(folder, "PodDisruptionBudget").keys() == several


@pytest.mark.parametrize("folder", ["components/inference-autoscale", "overlays/site"])
def test_number_of_pods_is_the_autoscalers(folder: str) -> None:
    # an apply would set it back
    assert "replicas" not in of_kind(folder, "Deployment")["inference"]["spec"]
