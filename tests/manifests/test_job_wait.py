"""Waiting for a Job ends, whatever becomes of the Job; `kubectl` is played by a script."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "k8s_wait_job.sh"


def wait_for(tmp_path: Path, *, job: str, pods: str = "") -> subprocess.CompletedProcess[str]:
    """Wait for a Job whose true conditions are `job` and whose pods wait for the reasons `pods`."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\ncase "$*" in *"get pods"*) echo "{pods}" ;; *) echo "{job}" ;; esac\n')
    kubectl.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "IDC_POLL_S": "0"}
    return subprocess.run([SCRIPT, "trainer"], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_complete_job_ends_the_wait(tmp_path: Path) -> None:
    assert wait_for(tmp_path, job="SuccessCriteriaMet Complete").returncode == 0


def test_failed_job_ends_the_wait_and_names_its_log(tmp_path: Path) -> None:
    ended = wait_for(tmp_path, job="Failed")

    assert ended.returncode == 1
    assert "logs job/trainer" in ended.stderr


@pytest.mark.parametrize("reason", ["ErrImageNeverPull", "ImagePullBackOff", "Unschedulable"])
def test_pods_that_never_start_end_the_wait_and_name_the_reason(tmp_path: Path, reason: str) -> None:
    ended = wait_for(tmp_path, job="", pods=reason)

    assert ended.returncode == 2
    assert reason in ended.stderr
