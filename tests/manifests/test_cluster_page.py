"""The commands of docs/how-to/k3s.md and the READMEs name folders, files, workloads and targets that exist."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.documents import commands
from support.kustomized import COMPONENTS, K8S, REPOSITORY, build, of_kind, render_own

PAGES = [REPOSITORY / "docs/how-to/k3s.md", K8S / "README.md", *sorted(K8S.glob("components/*/README.md"))]
COMMANDS = [(page, command) for page in PAGES for command in commands(page)]
# made by the reader before, on that page
OF_THE_READER = {"job/renew-now"}
KINDS = {"statefulset": "StatefulSet", "deployment": "Deployment", "daemonset": "DaemonSet", "service": "Service"}
KINDS |= {"job": "Job", "cronjob": "CronJob"}
EVERY_SERVICE = [*build("overlays/site"), *build("components/slides"), *build("device-plugin")]


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[command[:60] for _, command in COMMANDS])
def test_documented_command_names_what_exists(page: Path, command: str) -> None:
    for folder in re.findall(r"-k (\S+)", command):
        assert (REPOSITORY / folder / "kustomization.yaml").is_file()
    for file in re.findall(r"\b(?:k8s|scripts)/\S+\.(?:sh|yaml)\b", command):
        assert (REPOSITORY / file).is_file()
    for target in re.findall(r"^make ([a-z-]+)", command):
        assert re.search(rf"^{target}:.*##", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    names = {(item["kind"], item["metadata"]["name"]) for item in EVERY_SERVICE}
    for kind, name in re.findall(rf"\b({'|'.join(KINDS)})/([a-z][a-z-]*)", command):
        assert (KINDS[kind], name) in names or f"{kind}/{name}" in OF_THE_READER
    for name in re.findall(r"\bidc-(?:authority|[a-z0-9]+)(?= )", command) if "get secret" in command else []:
        assert name in of_kind("data", "Secret") or name == "idc-sentinel"


def test_documented_smoke_options_are_those_of_the_script() -> None:
    script = (K8S / "smoke.sh").read_text("utf-8")
    named = {option for page in PAGES for option in re.findall(r"smoke\.sh((?: --[a-z-]+)+)", page.read_text("utf-8"))}

    for option in {part for options in named for part in options.split()}:
        assert f"{option})" in script


def test_restore_pod_has_the_settings_that_the_gateway_requires(monkeypatch: pytest.MonkeyPatch) -> None:
    from idc_gateway.settings import GatewaySettings  # noqa: PLC0415 - its variables are set first

    (pod,) = build("jobs/restore.yaml")
    for variable in pod["spec"]["containers"][0]["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])

    assert str(GatewaySettings().data_dir) == "/var/lib/idc"


def test_backup_of_secrets_has_what_was_applied_and_nothing_that_a_new_cluster_refuses() -> None:
    (command,) = (command for command in commands(PAGES[0]) if "> idc-secrets.json" in command)
    program = command.split("| jq ")[1].split("'")[1]
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"kind": "Secret"}'}
    metadata = {"name": "idc-gateway", "namespace": "idc-sentinel", "labels": {"a": "b"}, "annotations": applied}
    of_this_cluster = {"uid": "7", "resourceVersion": "12", "creationTimestamp": "2026-01-01T00:00:00Z"}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"api-key": "a2V5"}}
    listed = {"apiVersion": "v1", "kind": "List", "items": [secret | {"metadata": metadata | of_this_cluster}]}

    done = subprocess.run(["jq", program], input=json.dumps(listed), capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["items"] == [secret | {"metadata": metadata}]


def test_job_for_a_bucket_reads_the_list_that_the_page_puts_into_a_config_map() -> None:
    (command,) = (command for command in commands(PAGES[0]) if command.startswith("sed "))
    program = command.split("'")[1]

    done = subprocess.run(["sed", program, K8S / "jobs/screen-slides.yaml"], capture_output=True, text=True, check=True)

    spec = yaml.safe_load(done.stdout)["spec"]["template"]["spec"]
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == "slides")
    assert volume["configMap"] == {"name": "slide-list"}
    assert spec["containers"][0]["command"][-1] == "/slides/slides.txt"


@pytest.mark.parametrize("volume", ["data", "slides"])
def test_copy_into_a_volume_leaves_the_volumes_own_folder_alone(tmp_path: Path, volume: str) -> None:
    """The folder is root's: `tar` would end with 2, since it may not set its time."""
    (command,) = (command for command in commands(PAGES[0]) if command.startswith(f"(cd {volume} "))
    pack, unpack = (part.strip() for part in command.split("|"))
    folder = tmp_path / volume / "case"
    folder.mkdir(parents=True)
    (folder / "-a file").write_text("a")

    packed = subprocess.run(["bash", "-euc", pack], cwd=tmp_path, capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "-t"], input=packed, capture_output=True, check=True).stdout.decode()

    assert listed.splitlines() == ["case/", "case/-a file"]
    assert unpack.endswith(" -- tar -C /data -x")


def overlays_of_the_page() -> dict[str, dict[str, Any]]:
    """The site's own overlays that the page shows, by the first of their components, and the tag of all images."""
    blocks = re.findall(r"```yaml\n((?:resources|images):.*?)```", PAGES[0].read_text("utf-8"), re.DOTALL)
    shown = [yaml.safe_load(block) for block in blocks]
    return {block["components"][0].split("/")[-1] if "components" in block else "images": block for block in shown}


def built(own: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(render_own(yaml.safe_dump(own))) if item]


def test_overlays_that_the_page_shows_build_and_their_settings_arrive() -> None:
    shown = overlays_of_the_page()
    tagged = render_own(yaml.safe_dump({"resources": ["../edge"], **shown["images"]}))

    assert shown.keys() == {"broker-outside", "slides-s3", "images"}
    assert "IDC_BROKER_NAMES: up,192.0.2.7" in render_own(yaml.safe_dump(shown["broker-outside"]))
    assert "SLIDES_S3_ALLOWED: s3://scans/*" in render_own(yaml.safe_dump(shown["slides-s3"]))
    assert set(re.findall(r"image: \S+:(\S+)", tagged)) == {"0.2.0"}


def test_bucket_of_slides_changes_nothing_but_the_service_of_slides() -> None:
    changed = [item for item in built(overlays_of_the_page()["slides-s3"]) if item not in build("overlays/edge")]

    names = {(item["kind"], re.sub("-[0-9a-z]{10}$", "", item["metadata"]["name"])) for item in changed}
    assert names == {("StatefulSet", "slides"), ("ConfigMap", "slides-settings"), ("NetworkPolicy", "slides-to-s3")}


@pytest.mark.parametrize("name", ["broker-outside", "slides-s3"])
def test_page_makes_every_secret_that_a_pod_of_its_overlay_waits_for(name: str) -> None:
    made = {found for command in commands(PAGES[0]) for found in re.findall(r"secret generic (\S+)", command)}
    named = re.findall(r'"secretName": "([a-z0-9-]+)', json.dumps(built(overlays_of_the_page()[name])))

    mounted = {found for found in named if found.startswith("idc-")}
    assert mounted
    assert mounted <= of_kind("data", "Secret").keys() | made


def test_tag_of_the_page_reaches_every_image_with_the_registry_too() -> None:
    (prefix,) = re.findall(r"as in\s+`([a-z.]+/)idc-sentinel/alarm`", PAGES[0].read_text("utf-8"))
    images = [image | {"name": prefix + image["name"]} for image in overlays_of_the_page()["images"]["images"]]
    own = {"resources": ["../edge"], "components": ["../../components/registry"], "images": images}

    found = re.findall(r"image: (\S+)", render_own(yaml.safe_dump(own)))

    assert found
    assert all(image.startswith(prefix) and image.endswith(":0.2.0") for image in found)


def test_port_that_only_one_node_answers_on_is_said_to_be_there_alone() -> None:
    services = {name: of_kind(f"components/{name}", "Service") for name in COMPONENTS}
    local = {
        name
        for name, found in services.items()
        if any("externalTrafficPolicy" in item["spec"] for item in found.values())
    }

    assert local == {"broker-outside"}
    for page in (K8S / "components/broker-outside/README.md", PAGES[0]):
        text = " ".join(page.read_text("utf-8").split())
        assert re.search(r"the node on which (?:the broker|it) runs", text)


def test_secrets_are_never_restored_by_an_apply_after_which_the_empty_ones_would_win() -> None:
    restoring = [command for command in commands(PAGES[0]) if "idc-secrets" in command and " -f " in command]

    assert restoring == ["kubectl replace -f idc-secrets.json"]


def test_oldest_version_is_the_one_that_the_page_names() -> None:
    tests = (REPOSITORY / "tests/manifests/test_kubernetes_schemas.py").read_text("utf-8")
    oldest = re.search(r'^OLDEST: Final = "(.*)"$', tests, re.MULTILINE)

    assert oldest is not None
    assert f"validated against Kubernetes {oldest[1]} " in PAGES[0].read_text("utf-8")
