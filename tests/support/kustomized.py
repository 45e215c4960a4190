"""What kustomize makes of the folders in k8s/."""

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

K8S: Final = Path(__file__).parents[2] / "k8s"
JOBS: Final = ["jobs/trainer", "jobs/trainer-features"]


@functools.cache
def render(folder: str) -> str:
    if shutil.which("kustomize"):
        command = ["kustomize", "build"]
    elif shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    else:
        pytest.skip("neither kustomize nor kubectl is installed")
    return subprocess.run([*command, K8S / folder], check=True, capture_output=True, text=True).stdout


@functools.cache
def build(folder: str) -> list[dict[str, Any]]:
    """The documents of a folder, shared by all tests: copy what you change."""
    return [document for document in yaml.safe_load_all(render(folder)) if document]


def pods(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """The name and pod of each thing in a folder that runs pods."""
    return [
        (
            document["metadata"]["name"],
            document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"],
        )
        for document in build(folder)
        if document["kind"] in ("Deployment", "Job", "Pod")
    ]
