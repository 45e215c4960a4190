"""Images, ports, settings, topics' accounts and limits are the same in Compose and in Kubernetes."""

import importlib
import re
from pathlib import PurePosixPath
from typing import Any, Final

import pytest
import yaml
from pydantic_settings import BaseSettings

from support.kustomized import COMPONENTS, EVERYTHING, OVERLAYS, REPOSITORY, of_kind, pods, render_with, settings_of
from support.setting_names import setting_names
from support.simulated_cluster import memory_bytes

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))["services"]
# a service of Compose, and the folder in which it is rendered
SERVICES: Final = {
    "broker": "base",
    "inference": "base",
    "inference-ncs": "components/ncs",
    "gateway": "components/slides",
    "alarm": "base",
    "observability": "components/observability",
    "probe": "components/observability",
    "slides": "components/slides",
}
WITH_SETTINGS: Final = {"alarm", "gateway", "inference", "slides"}
# What differs has a reason.
DIFFERENT_VALUES: Final = {
    "GATEWAY_PUBLIC_URL": "compose derives it from the published port",
    "INFERENCE_STATE_DIR": "in the volume that all pods share",
}
CONFIG_MAPS: Final = [
    (folder, service)
    for folder in EVERYTHING
    if not folder.startswith(("jobs/", "data"))
    for service in sorted(WITH_SETTINGS)
    if any(name.startswith(f"{service}-settings-") for name in of_kind(folder, "ConfigMap"))
]


def in_compose(service: str) -> dict[str, Any]:
    if service not in COMPOSE:
        pytest.skip(f"docker-compose.yml has no service {service} yet")
    found: dict[str, Any] = COMPOSE[service]
    return found


def settings_class(service: str) -> type[BaseSettings]:
    try:
        module = importlib.import_module(f"idc_{service}.settings")
    except ModuleNotFoundError:
        pytest.skip(f"idc_{service} has no settings yet")
    found: type[BaseSettings] = getattr(module, f"{service.capitalize()}Settings")
    return found


def default(value: object) -> str:
    """A value of Compose where nothing is set in `.env`."""
    text = str(value)
    while "${" in text:
        text, replaced = re.subn(r"\$\{[A-Z0-9_]+(?::?-([^${}]*))?\}", lambda found: found[1] or "", text)
        assert replaced, f"{text} is written in a way that is not read here"
    return text


def here(service: str) -> str:
    """Its name in Kubernetes, where a component changes the one inference."""
    return service.removesuffix("-ncs")


def main_container(service: str) -> dict[str, Any]:
    found: dict[str, Any] = pods(SERVICES[service])[here(service)]["containers"][0]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_image_is_the_one_of_compose(service: str) -> None:
    name = str(in_compose(service)["image"]).split(":", 1)[0]

    assert main_container(service)["image"].split(":")[0] == name


@pytest.mark.parametrize("service", SERVICES)
def test_memory_limit_is_the_one_of_compose(service: str) -> None:
    limit = main_container(service)["resources"]["limits"]["memory"]

    assert memory_bytes(limit) == memory_bytes(in_compose(service)["mem_limit"])


@pytest.mark.parametrize("service", SERVICES)
def test_temporary_space_is_the_one_of_compose(service: str) -> None:
    sizes = {
        found["name"]: found["emptyDir"]["sizeLimit"]
        for found in pods(SERVICES[service])[here(service)].get("volumes", [])
        if "emptyDir" in found
    }
    wanted = {part for entry in in_compose(service).get("tmpfs", []) for part in re.findall(r"size=(\d+[mg])", entry)}

    assert {memory_bytes(sizes["tmp"])} == {memory_bytes(size) for size in wanted} if wanted else "tmp" not in sizes


@pytest.mark.parametrize("service", sorted(WITH_SETTINGS | {"broker", "inference-ncs"}))
def test_what_compose_sets_of_a_service_is_set_here_to_the_same(service: str) -> None:
    compose = {name: default(value) for name, value in in_compose(service)["environment"].items()}
    settings = settings_of(SERVICES[service], here(service))
    env = {item["name"]: item.get("value") for item in main_container(service).get("env", [])}

    assert compose.keys() <= settings.keys() | env.keys()
    differ = {name for name, value in compose.items() if name in settings and settings[name] != value}
    assert differ <= DIFFERENT_VALUES.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_port_is_the_one_that_the_image_listens_on(service: str) -> None:
    ports = {port["containerPort"] for port in main_container(service).get("ports", [])}
    published = {int(default(port).rsplit(":", 1)[-1]) for port in in_compose(service).get("ports", [])}

    assert published <= ports
    document = of_kind(SERVICES[service], "Service").get(here(service))
    assert {port["port"] for port in document["spec"]["ports"]} == ports if document else not ports


@pytest.mark.parametrize("service", ["gateway", "alarm", "slides"])
def test_files_that_settings_name_are_mounted(service: str) -> None:
    pod = pods("overlays/site")[service]
    mounted = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}

    for name, value in settings_of("overlays/site", service).items():
        if name.endswith("_FILE") and value.startswith("/run/secrets"):
            path = PurePosixPath(value)
            secret = volumes[mounted[str(path.parent)]]["secret"]
            keys = {item["path"] for item in secret.get("items", [])}
            assert not keys or path.name in keys, name


@pytest.mark.parametrize("service", ["gateway", "alarm"])
def test_broker_knows_the_account_of_the_settings(service: str) -> None:
    accounts = re.findall(r"^user (\S+)$", (REPOSITORY / "broker/acl.conf").read_text("utf-8"), re.MULTILINE)

    assert settings_of("base", service)[f"{service.upper()}_MQTT__USERNAME"] in accounts


@pytest.mark.parametrize("folder", OVERLAYS)
def test_services_publish_and_hear_the_topics_of_one_site(folder: str) -> None:
    sites = {
        value
        for service in WITH_SETTINGS
        if any(name.startswith(f"{service}-settings-") for name in of_kind(folder, "ConfigMap"))
        for name, value in settings_of(folder, service).items()
        if name.endswith("_SITE")
    }

    assert len(sites) == 1


@pytest.mark.parametrize("folder", OVERLAYS)
def test_urls_of_services_lead_to_their_ports(folder: str) -> None:
    services = {
        name: {port["port"] for port in item["spec"]["ports"]} for name, item in of_kind(folder, "Service").items()
    }

    for service in ("gateway", "slides"):
        for value in settings_of(folder, service).values():
            for host, port in re.findall(r"http://([a-z-]+):(\d+)(?!\.)\b", value):
                assert host == "localhost" or int(port) in services[host]
    broker = settings_of(folder, "gateway")["GATEWAY_MQTT__HOST"]
    assert services[broker] == {8883}


@pytest.mark.parametrize(("folder", "service"), CONFIG_MAPS)
def test_service_accepts_the_settings_of_its_config_map(
    folder: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_class(service)
    data = {name: value for name, value in settings_of(folder, service).items() if not name.startswith("OTEL_")}
    if data.keys() - setting_names(settings) == {"GATEWAY_SLIDES_URL"}:
        pytest.skip("the gateway does not know GATEWAY_SLIDES_URL yet")
    for name, value in data.items():
        monkeypatch.setenv(name, value)

    settings()

    assert data.keys() <= setting_names(settings)


@pytest.mark.parametrize("folder", EVERYTHING)
def test_changed_settings_restart_their_service(folder: str) -> None:
    maps = of_kind(folder, "ConfigMap").keys()
    used = {
        source["configMapRef"]["name"]
        for pod in pods(folder).values()
        for box in [*pod.get("initContainers", []), *pod["containers"]]
        for source in box.get("envFrom", [])
    }

    assert used <= maps
    unused = {name for name in maps - used if "-settings-" in name}
    assert unused <= {name for name in maps if name.startswith("inference-settings-")}
    assert all(re.fullmatch(r"[a-z]+-settings-[0-9a-z]{10}", name) for name in maps if "-settings-" in name)


@pytest.mark.parametrize("service", ["gateway", "inference", "broker", "observability"])
def test_probe_asks_for_a_path_that_the_images_health_check_knows(service: str) -> None:
    dockerfiles = [*REPOSITORY.glob("services/Dockerfile"), *REPOSITORY.glob("*/Dockerfile")]
    texts = " ".join(path.read_text("utf-8") for path in dockerfiles)
    startup = main_container(service)["startupProbe"]

    if "exec" in startup:
        assert startup["exec"]["command"][0] in texts
    else:
        assert startup["httpGet"]["path"] in texts + "/livez /-/ready"


def test_job_and_services_have_the_same_version_of_their_images() -> None:
    tags = {
        box["image"].rsplit(":", 1)[1]
        for folder in EVERYTHING
        for pod in pods(folder).values()
        for box in pod["containers"]
    }

    assert len(tags) == 1


def test_every_component_goes_with_the_others_that_a_site_may_choose() -> None:
    devices = {"gpu", "npu", "ncs"}
    together = [name for name in COMPONENTS if name not in devices | {"inference-outside", "models-image", "registry"}]

    assert render_with("base", *together, "registry")
    for device in devices:
        assert render_with("base", "network-policies", "placement", device, "slides", "observability")


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_sets_no_name_of_the_site_over_the_one_in_its_overlay(name: str) -> None:
    """A component's own settings win over those of the overlay that chooses it, so it has only what it is about."""
    base = settings_of("base", "bootstrap")
    changed = settings_of(f"components/{name}", "bootstrap").items() - base.items()

    assert {key for key, _ in changed} == ({"IDC_INFERENCE_NAMES"} if name == "inference-outside" else set())
