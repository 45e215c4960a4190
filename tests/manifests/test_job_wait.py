"""Waiting for a Job ends, whatever becomes of the Job; `kubectl` asks a made-up API server."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.kustomized import kubectl
from support.pod_programs import Answer, serving_json

SCRIPT = Path(__file__).parents[2] / "scripts" / "k8s_wait_job.sh"
Document = dict[str, Any]


def resources(version: str, name: str, kind: str) -> Document:
    listed = {"name": name, "kind": kind, "namespaced": True, "verbs": ["get", "list"]}
    return {"kind": "APIResourceList", "groupVersion": version, "resources": [listed]}


GROUP = {"name": "batch", "versions": [{"groupVersion": "batch/v1", "version": "v1"}]}
# what `kubectl` asks first: which kinds there are
DISCOVERY: dict[str, Document] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [GROUP]},
    "/api/v1": resources("v1", "pods", "Pod"),
    "/apis/batch/v1": resources("batch/v1", "jobs", "Job"),
}


def pod(phase: str, *, waiting: str = "", initially: str = "", unscheduled: bool = False) -> Document:
    """A pod whose container, or the one that runs before it, waits for this reason."""
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}] if unscheduled else []
    status: Document = {"phase": phase, "conditions": conditions}
    for key, reason in (("containerStatuses", waiting), ("initContainerStatuses", initially)):
        if reason:
            status[key] = [{"name": "a", "state": {"waiting": {"reason": reason}}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": status}


def answers(pods: Sequence[Document], true: Sequence[str], polls: int) -> Answer:
    """The API server of a Job with these pods, whose conditions become true after so many polls."""
    left = iter(range(polls, -1, -1))

    def answer(_method: str, path: str, _sent: Document | None, _key: str) -> tuple[int, Document]:
        path = path.partition("?")[0]
        if path in DISCOVERY:
            return 200, DISCOVERY[path]
        if path.endswith("/pods"):
            return 200, {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": pods}
        ended = true if next(left, 0) == 0 else []
        conditions = [{"type": name, "status": "True", "message": "because"} for name in ended]
        return 200, {"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": conditions}}

    return answer


def wait_for(tmp_path: Path, *pods: Document, ends: str = "", polls: int = 0) -> subprocess.CompletedProcess[str]:
    """Wait for a Job with these pods that ends, if it does, with these conditions after so many polls."""
    with serving_json(answers(pods, ends.split(), polls)) as address:
        program = tmp_path / "kubectl"
        program.write_text(f'#!/bin/sh\nexec {kubectl()} --server {address} "$@"\n')
        program.chmod(0o755)
        environment = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "KUBECONFIG": "/dev/null",
            "IDC_POLL_S": "0",
        }
        return subprocess.run(
            [SCRIPT, "trainer"], env=environment, capture_output=True, text=True, timeout=120, check=False
        )


def test_complete_job_ends_the_wait(tmp_path: Path) -> None:
    assert wait_for(tmp_path, ends="SuccessCriteriaMet Complete").returncode == 0


def test_failed_job_ends_the_wait_and_names_its_log(tmp_path: Path) -> None:
    ended = wait_for(tmp_path, ends="FailureTarget Failed")

    assert ended.returncode == 1
    assert "failed: because" in ended.stderr
    assert "logs job/trainer" in ended.stderr


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ("waiting", "ErrImageNeverPull"),
        ("waiting", "ImagePullBackOff"),
        ("waiting", "CreateContainerConfigError"),
        ("initially", "ErrImageNeverPull"),
    ],
)
def test_pods_that_never_start_end_the_wait_and_name_the_reason(tmp_path: Path, container: str, reason: str) -> None:
    stuck = pod("Pending", **{"waiting": "PodInitializing", container: reason})

    ended = wait_for(tmp_path, stuck)

    assert ended.returncode == 2
    assert reason in ended.stderr


def test_pods_that_no_node_takes_end_the_wait(tmp_path: Path) -> None:
    ended = wait_for(tmp_path, pod("Succeeded"), pod("Pending", unscheduled=True))

    assert ended.returncode == 2
    assert "Unschedulable" in ended.stderr


def test_job_goes_on_while_some_of_its_pods_run_and_others_find_no_room(tmp_path: Path) -> None:
    ended = wait_for(tmp_path, pod("Running"), pod("Pending", unscheduled=True), ends="Complete", polls=16)

    assert ended.returncode == 0, ended.stderr
