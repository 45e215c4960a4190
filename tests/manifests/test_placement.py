"""Where a scheduler may place each pod, on the clusters that the how-to describes."""

import pytest

from support.kustomized import JOBS, OVERLAYS, pods
from support.simulated_cluster import Node

UP_SQUARED = Node({"kubernetes.io/arch": "amd64", "idc.dev/inference": "true"})
TAINT = {"key": "idc.dev/alarm", "value": "true", "effect": "NoSchedule"}
PI = Node({"kubernetes.io/arch": "arm64", "idc.dev/alarm": "true"}, (TAINT,))
WORKERS = ("broker", "gateway", "inference", "bootstrap", "renew-certificates")


@pytest.mark.parametrize("folder", ["overlays/edge", "overlays/site"])
@pytest.mark.parametrize(
    "pi",
    [
        PI,
        Node(PI.labels),
        Node({"kubernetes.io/arch": "arm64"}),
        Node(PI.labels | {"idc.dev/inference": "true"}),
    ],
    ids=["as in the how-to", "taint forgotten", "label and taint forgotten", "labelled for inference too"],
)
def test_nothing_but_the_alarm_lands_on_the_pi(folder: str, pi: Node) -> None:
    assert {name for name, pod in pods(folder).items() if pi.accepts(pod)} <= {"alarm"}


@pytest.mark.parametrize("folder", ["overlays/edge", "overlays/site"])
def test_each_pod_has_its_node(folder: str) -> None:
    for name, pod in pods(folder).items():
        assert (UP_SQUARED.accepts(pod), PI.accepts(pod)) == (name != "alarm", name == "alarm"), name


@pytest.mark.parametrize("folder", ["overlays/edge", "overlays/site"])
def test_inference_waits_for_a_labelled_node(folder: str) -> None:
    assert not Node({"kubernetes.io/arch": "amd64"}).accepts(pods(folder)["inference"])


def test_one_node_without_labels_runs_everything_of_the_overlay_dev() -> None:
    for arch in ("amd64", "arm64"):
        node = Node({"kubernetes.io/arch": arch})
        assert all(node.accepts(pod) for pod in pods("overlays/dev").values())


@pytest.mark.parametrize("job", JOBS)
def test_job_never_runs_on_the_pi(job: str) -> None:
    (pod,) = pods(f"jobs/{job}").values()

    assert UP_SQUARED.accepts(pod)
    assert not PI.accepts(pod)
    assert not Node(PI.labels).accepts(pod)


@pytest.mark.parametrize("job", JOBS)
def test_job_runs_on_every_processor_that_its_image_is_built_for(job: str) -> None:
    (pod,) = pods(f"jobs/{job}").values()
    is_trainer = "idc-sentinel/trainer" in str(pod)

    # TensorFlow's wheels are for amd64
    assert Node({"kubernetes.io/arch": "arm64"}).accepts(pod) is not is_trainer


@pytest.mark.parametrize("folder", OVERLAYS)
def test_alarm_stays_on_a_node_that_is_cut_off(folder: str) -> None:
    tolerations = pods(folder)["alarm"]["tolerations"]

    for key in ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"):
        (found,) = (item for item in tolerations if item["key"] == key)
        assert "tolerationSeconds" not in found


@pytest.mark.parametrize("device", ["gpu", "npu", "ncs"])
def test_one_pod_holds_the_device_and_runs_on_amd64(device: str) -> None:
    pod = pods(f"components/{device}")["inference"]

    assert not Node({"kubernetes.io/arch": "arm64"}).accepts(pod)
    (box,) = pod["containers"]
    assert box["resources"]["limits"].keys() - {"cpu", "memory"}
