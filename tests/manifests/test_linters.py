"""yamllint, hadolint and checkov find nothing; scripts/install_tools.sh installs them in the pinned versions."""

import subprocess
from pathlib import Path

import pytest

from support.kustomized import COMPONENTS, DATA, JOBS, K8S, OVERLAYS, REPOSITORY, render

TOOLS = REPOSITORY / ".tools/manifests/bin"
DOCKERFILES = sorted(
    path
    for pattern in ("*/Dockerfile", "services/*/Dockerfile*", "tests/**/*Dockerfile")
    for path in REPOSITORY.glob(pattern)
)


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    path = TOOLS / program
    assert path.exists(), "run scripts/install_tools.sh manifests"
    return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=REPOSITORY)


def checkov(folder: Path) -> subprocess.CompletedProcess[str]:
    return run("checkov", "--config-file", REPOSITORY / ".checkov.yaml", "--directory", folder)


def test_yaml_is_well_formed() -> None:
    done = run(
        "yamllint", "--strict", "--config-file", ".yamllint.yaml", "k8s", *REPOSITORY.glob("docker-compose*.yml")
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_dockerfiles_follow_good_practice() -> None:
    assert len(DOCKERFILES) >= 5
    done = run("hadolint", "--config", ".hadolint.yaml", *DOCKERFILES)

    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(900)
def test_checkov_finds_nothing_in_what_is_applied(tmp_path: Path) -> None:
    for folder in [*OVERLAYS, *DATA, *(f"components/{name}" for name in COMPONENTS)]:
        (tmp_path / f"{folder.replace('/', '-')}.yaml").write_text(render(folder), encoding="utf-8")
    for job in JOBS:
        (tmp_path / f"job-{job}").write_text((K8S / "jobs" / job).read_text("utf-8"), encoding="utf-8")

    done = checkov(tmp_path)

    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(300)
def test_checkov_finds_a_privileged_pod(tmp_path: Path) -> None:
    text = render("overlays/dev").replace("allowPrivilegeEscalation: false", "privileged: true")
    (tmp_path / "pods.yaml").write_text(text, encoding="utf-8")

    assert "CKV_K8S_16" in checkov(tmp_path).stdout
