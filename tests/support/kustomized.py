"""What kustomize makes of the folders in k8s/."""

import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).parents[2]
K8S: Final = REPOSITORY / "k8s"
OVERLAYS: Final = ["overlays/dev", "overlays/edge", "overlays/site"]
DATA: Final = sorted(str(path.parent.relative_to(K8S)) for path in K8S.glob("data*/**/kustomization.yaml"))
COMPONENTS: Final = sorted(path.parent.name for path in K8S.glob("components/*/kustomization.yaml"))
JOBS: Final = sorted(path.name for path in K8S.glob("jobs/*.yaml"))
WITH_PODS: Final = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")
ALONE: Final = [f"components/{name}" for name in COMPONENTS]
# a folder, a component on the base, or a file of a Job
EVERYTHING: Final = [*OVERLAYS, "base", *ALONE, *DATA, *(f"jobs/{name}" for name in JOBS)]


def kubectl() -> str:
    """The program.

    Raises:
        RuntimeError: There is none; nothing here is skipped for that.
    """
    own = REPOSITORY / ".tools/manifests/bin/kubectl"
    found = str(own) if own.exists() else shutil.which("kubectl")
    if found is None:
        raise RuntimeError("no kubectl: run scripts/install_tools.sh manifests")
    return found


@functools.cache
def render(folder: str) -> str:
    """YAML of a folder below k8s/, or of `components/NAME` on the base alone."""
    if folder.startswith("components/"):
        return render_with("base", folder.removeprefix("components/"))
    return _run(K8S / folder)


def render_with(base: str, *components: str) -> str:
    """YAML of a folder with components added, as a site's own overlay would have it."""
    chosen = [f"../../components/{name}" for name in components]
    return render_own(yaml.safe_dump({"resources": [f"../../{base}"], "components": chosen}))


def render_own(kustomization: str) -> str:
    """YAML of an overlay that a site writes beside those of the repository."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "k8s"
        shutil.copytree(K8S, tree)
        own = tree / "overlays/own"
        own.mkdir()
        (own / "kustomization.yaml").write_text(kustomization, encoding="utf-8")
        return _run(own)


def _run(folder: Path) -> str:
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return done.stdout


@functools.cache
def _documents(folder: str) -> str:
    text = (K8S / folder).read_text(encoding="utf-8") if folder.endswith(".yaml") else render(folder)
    return json.dumps([document for document in yaml.safe_load_all(text) if document])


def build(folder: str) -> list[dict[str, Any]]:
    """The documents of a folder, of a component on the base (`components/NAME`), or of a file (`jobs/train.yaml`)."""
    found: list[dict[str, Any]] = json.loads(_documents(folder))
    return found


def of_kind(folder: str, *kinds: str) -> dict[str, dict[str, Any]]:
    """The documents of these kinds by name."""
    return {item["metadata"]["name"]: item for item in build(folder) if item["kind"] in kinds}


def workload_name(document: dict[str, Any]) -> str:
    metadata = document["metadata"]
    return str(metadata.get("name") or metadata["generateName"].rstrip("-"))


def template(document: dict[str, Any]) -> dict[str, Any]:
    """The pod, with `metadata` and `spec`, that a document makes."""
    if document["kind"] == "Pod":
        return document
    spec = document["spec"]
    found: dict[str, Any] = spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    return found


def pods(folder: str) -> dict[str, dict[str, Any]]:
    """The specification of each pod, by the name of what runs it."""
    return {
        workload_name(document): template(document)["spec"]
        for document in build(folder)
        if document["kind"] in WITH_PODS
    }


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Every container of a pod's specification, those that run first included."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def settings_of(folder: str, service: str) -> dict[str, str]:
    """What the ConfigMap of a service says; kustomize adds a hash to its name."""
    (data,) = (
        item.get("data", {})
        for name, item in of_kind(folder, "ConfigMap").items()
        if name.startswith(f"{service}-settings-")
    )
    return {name: str(value) for name, value in data.items()}
