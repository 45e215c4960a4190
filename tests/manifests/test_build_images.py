"""scripts/build_images.sh builds what a node needs, under both names; `docker` is played by a script."""

import os
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from support.kustomized import COMPONENTS, JOBS, K8S, OVERLAYS, REPOSITORY, containers, pods

SCRIPT = REPOSITORY / "scripts/build_images.sh"


def build(tmp_path: Path, *arguments: str, program: str | Path = SCRIPT) -> tuple[int, list[str]]:
    """The exit code, and each call of docker."""
    docker = tmp_path / "docker"
    # `save` must leave a file
    docker.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\ncase $1 in save) touch "$3" ;; esac\n')
    docker.chmod(0o755)
    tag = f"test-of-builds-{uuid4().hex}"  # tests that run beside each other write into one folder
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "IDC_TAG": tag}
    done = subprocess.run(
        [program, *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    for tar in (REPOSITORY / "var/images").glob(f"idc-sentinel-{tag}-*"):
        tar.unlink()
    calls = tmp_path / "calls"
    lines = calls.read_text().replace(tag, "test-of-builds").splitlines() if calls.exists() else []
    return done.returncode, lines


def built(calls: list[str]) -> set[str]:
    return {call.split("--tag idc-sentinel/")[1].split(":")[0] for call in calls if "--tag idc-sentinel/" in call}


def test_an_amd64_node_gets_every_image_that_the_manifests_name(tmp_path: Path) -> None:
    code, calls = build(tmp_path, "tar", "amd64")

    named = {
        box["image"].rsplit("/", 1)[1].split(":")[0]
        for folder in [*OVERLAYS, *(f"jobs/{name}" for name in JOBS)]
        for pod in pods(folder).values()
        for box in containers(pod)
    }
    assert code == 0
    assert named <= built(calls)


@pytest.mark.parametrize("name", COMPONENTS)
def test_image_that_only_a_component_needs_is_built_as_its_readme_says(tmp_path: Path, name: str) -> None:
    readme = (K8S / "components" / name / "README.md").read_text("utf-8")
    _, calls = build(tmp_path, "tar", "amd64", *re.findall(r"make images-tar IMAGES=([a-z-]+)", readme))
    _, by_default = build(tmp_path, "tar", "amd64")

    named = {
        box["image"].rsplit("/", 1)[1].split(":")[0]
        for pod in pods(f"components/{name}").values()
        for box in containers(pod)
    }
    assert named <= built(calls) | built(by_default)


def test_driver_of_a_device_is_in_the_image_of_inference_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_PACKAGES", "intel-opencl-icd")

    _, calls = build(tmp_path, "tar", "amd64", "inference", "gateway")

    inference, gateway = (call for call in calls if call.startswith("buildx build"))
    assert "--build-arg DEVICE_PACKAGES=intel-opencl-icd " in inference
    assert "DEVICE_PACKAGES" not in gateway


def test_a_pi_gets_only_what_was_asked_for_and_for_its_processor(tmp_path: Path) -> None:
    code, calls = build(tmp_path, "tar", "arm64", "alarm")

    assert code == 0
    assert built(calls) == {"alarm"}
    assert all("--platform linux/arm64 " in call for call in calls if call.startswith("buildx build"))


def test_image_has_the_name_of_the_embedded_mirror_too(tmp_path: Path) -> None:
    _, calls = build(tmp_path, "tar", "arm64", "alarm")

    (save,) = (call for call in calls if call.startswith("save"))
    assert save.endswith("idc-sentinel/alarm:test-of-builds images.idc.internal/idc-sentinel/alarm:test-of-builds")


def test_no_image_for_arm64_has_tensorflow_or_the_stick(tmp_path: Path) -> None:
    _, calls = build(tmp_path, "tar", "arm64")

    assert built(calls) == {"broker", "inference", "gateway", "slides", "alarm", "observability"}


def test_registry_gets_one_tag_for_both_processors(tmp_path: Path) -> None:
    code, calls = build(tmp_path, "push", "registry.example", "gateway")

    name = "registry.example/idc-sentinel/gateway:test-of-builds"
    assert code == 0
    assert [call for call in calls if call.startswith("push")] == [
        f"push --quiet {name}-amd64",
        f"push --quiet {name}-arm64",
    ]
    assert calls[-1] == f"buildx imagetools create --tag {name} {name}-amd64 {name}-arm64"


def test_registry_gets_every_image_that_the_tar_of_a_node_has(tmp_path: Path) -> None:
    (tmp_path / "tar").mkdir()
    _, saved = build(tmp_path / "tar", "tar", "amd64")
    code, calls = build(tmp_path, "push", "registry.example")

    joined = {call.split("/idc-sentinel/")[1].split(":")[0] for call in calls if "imagetools create" in call}
    assert code == 0
    assert joined == built(saved)


@pytest.mark.parametrize("image", ["trainer", "inference-ncs"])
def test_image_for_amd64_alone_is_pushed_under_the_name_that_the_manifests_have(tmp_path: Path, image: str) -> None:
    code, calls = build(tmp_path, "push", "registry.example", image)

    name = f"registry.example/idc-sentinel/{image}:test-of-builds"
    assert code == 0
    assert [call for call in calls if call.startswith("push")] == [f"push --quiet {name}-amd64"]
    assert calls[-1] == f"buildx imagetools create --tag {name} {name}-amd64"


def test_image_for_a_test_has_its_processor_in_its_tag(tmp_path: Path) -> None:
    code, calls = build(tmp_path, "load", "arm64", "broker")

    assert code == 0
    assert "--tag idc-sentinel/broker:test-of-builds-arm64 " in calls[-1]


def test_base_of_an_arm64_image_is_the_official_one_where_a_registry_is_reached(tmp_path: Path) -> None:
    _, calls = build(tmp_path, "load", "arm64", "broker", "alarm")

    assert "--build-arg DEBIAN_IMAGE=debian:trixie-slim " in calls[1]
    assert "--build-arg PYTHON_IMAGE=python:3.11-slim-bookworm " in calls[3]


def test_tag_of_the_environment_reaches_the_script_through_make(tmp_path: Path) -> None:
    code, calls = build(tmp_path, "images-tar", "ARCH=arm64", "IMAGES=alarm", program="make")

    assert code == 0
    assert "--tag idc-sentinel/alarm:test-of-builds " in " ".join(calls)


@pytest.mark.parametrize("arguments", [("tar", "riscv64"), ("tar", "amd64", "nothing"), ("save", "amd64")])
def test_wrong_usage_builds_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, calls = build(tmp_path, *arguments)

    assert code == 64
    assert calls == []
