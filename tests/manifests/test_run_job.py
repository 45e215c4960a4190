"""k8s/run_job.sh creates a Job with the images of the running installation; `kubectl` is played by a script."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from support.kustomized import JOBS, K8S, containers, template

SCRIPT = K8S / "run_job.sh"


def run_job(tmp_path: Path, file: str, *, gateway: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run it where the gateway has this image and pull policy; what is created lies in `created.yaml`."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f"""#!/bin/sh
        case "$*" in
            *"get statefulset gateway"*) echo "{gateway}" ;;
            *create*) cat >{tmp_path}/created.yaml; echo job.batch/made ;;
        esac
        """
    )
    kubectl.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(
        [SCRIPT, file], input=typed, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("gateway", "registry", "tag", "policy"),
    [
        ("idc-sentinel/gateway:0.1.0 Never", "", "0.1.0", "Never"),
        ("idc-sentinel/gateway:0.2.0 Never", "", "0.2.0", "Never"),
        (
            "images.idc.internal/idc-sentinel/gateway:0.1.0 IfNotPresent",
            "images.idc.internal/",
            "0.1.0",
            "IfNotPresent",
        ),
        ("reg.example:5000/lab/idc-sentinel/gateway:2_b IfNotPresent", "reg.example:5000/lab/", "2_b", "IfNotPresent"),
    ],
)
@pytest.mark.parametrize("job", JOBS)
def test_job_has_the_images_of_the_installation(
    tmp_path: Path, job: str, gateway: str, registry: str, tag: str, policy: str
) -> None:
    file = K8S / "jobs" / job

    done = run_job(tmp_path, str(file), gateway=gateway)

    assert (done.returncode, done.stdout) == (0, "job.batch/made\n"), done.stderr
    created, written = (yaml.safe_load(path.read_text("utf-8")) for path in (tmp_path / "created.yaml", file))
    for box in containers(template(written)["spec"]):
        image = box["image"].split(":")[0]
        box |= {"image": f"{registry}{image}:{tag}", "imagePullPolicy": policy}
    assert created == written


def test_job_may_come_from_standard_input(tmp_path: Path) -> None:
    done = run_job(
        tmp_path, "-", gateway="idc-sentinel/gateway:0.2.0 Never", typed="image: idc-sentinel/trainer:0.1.0\n"
    )

    assert done.returncode == 0
    assert (tmp_path / "created.yaml").read_text() == "image: idc-sentinel/trainer:0.2.0\n"


@pytest.mark.parametrize("image", ["reg.example/own-gateway:1", "idc-sentinel/gateway@sha256:00", ""])
def test_job_whose_image_cannot_be_told_from_the_gateways_is_not_created(tmp_path: Path, image: str) -> None:
    done = run_job(tmp_path, str(K8S / "jobs/train.yaml"), gateway=f"{image} Never")

    assert done.returncode == 1
    assert "write it into a copy" in done.stderr
    assert not (tmp_path / "created.yaml").exists()


def test_without_a_file_it_says_how_it_is_used() -> None:
    assert subprocess.run([SCRIPT], capture_output=True, check=False).returncode == 64
