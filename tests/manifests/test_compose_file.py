"""The compose file names only settings that exist, and hardens every service."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from idc_alarm.settings import AlarmSettings
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from idc_slides.settings import SlidesSettings
from support.setting_names import setting_names

REPOSITORY = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


class OverlayLoader(yaml.SafeLoader):
    """Reads an overlay, in which `!reset` takes a value of the file below away."""

    def reset(self, _: yaml.Node) -> None:
        """What the value is afterwards."""


OverlayLoader.add_constructor("!reset", OverlayLoader.reset)
FILES = ("docker-compose.yml", "docker-compose.tls.yml", "docker-compose.pi.yml", "docker-compose.inference.yml")
OVERLAYS: dict[str, dict[str, dict[str, Any]]] = {
    name: yaml.load((REPOSITORY / name).read_text(), OverlayLoader)["services"] for name in FILES[1:]
}
TLS = OVERLAYS["docker-compose.tls.yml"]
INFERENCE = OVERLAYS["docker-compose.inference.yml"]


@pytest.mark.parametrize(
    ("service", "settings"),
    [
        ("alarm", AlarmSettings),
        ("alarm-pi", AlarmSettings),
        ("gateway", GatewaySettings),
        ("inference", InferenceSettings),
        ("slides", SlidesSettings),
    ],
)
def test_environment_names_only_settings_that_exist(service: str, settings: type[Any]) -> None:
    assert SERVICES[service]["environment"].keys() <= setting_names(settings)


@pytest.mark.parametrize("service", [*sorted(SERVICES), "tls", "inference-tls"])
def test_service_is_hardened(service: str) -> None:
    definition = (TLS | INFERENCE | SERVICES)[service]

    assert definition["pull_policy"] == "never", "the image's name on a public registry may be someone else's"
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in definition
    assert "privileged" not in definition
    assert "cap_add" not in definition


def test_alarm_of_the_profile_pi_gets_only_the_gpio_chip_as_a_member_of_its_group() -> None:
    alarm = SERVICES["alarm-pi"]

    assert alarm["profiles"] == ["pi"]
    assert alarm["devices"] == ["${IDC_GPIO_CHIP:-/dev/gpiochip0}:/dev/gpiochip0:rw"]
    assert alarm["group_add"] == ["${IDC_GPIO_GROUP:-986}"]
    assert alarm["environment"]["ALARM_PIN_FACTORY"] == "lgpio"
    assert alarm["env_file"] == [{"path": "./alarm-pi.env", "required": False}]
    # the image's own account, which is not root
    assert "user" not in alarm


def test_alarm_of_the_profile_pi_shares_neither_name_nor_journal_with_the_one_beside_it() -> None:
    assert "ALARM_DEVICE" not in SERVICES["alarm"]["environment"]
    assert SERVICES["alarm-pi"]["environment"]["ALARM_DEVICE"] == "${IDC_PI_DEVICE:-alarm-pi}"
    assert "alarm-pi-data:/var/lib/idc" in SERVICES["alarm-pi"]["volumes"]


def test_only_gateway_broker_and_prometheus_are_published_and_on_loopback() -> None:
    published = {name: definition["ports"] for name, definition in SERVICES.items() if "ports" in definition}

    assert published == {
        # plain HTTP: on loopback unless someone asks
        "gateway": ["${IDC_HTTP_BIND:-127.0.0.1}:${IDC_HTTP_PORT:-8080}:8080"],
        "broker": ["${IDC_MQTT_BIND:-127.0.0.1}:${IDC_MQTT_PORT:-8883}:8883"],
        # it asks for no password, so that no setting takes it off loopback
        "observability": ["127.0.0.1:${IDC_PROMETHEUS_PORT:-9090}:9090"],
    }


def test_gateway_behind_tls_is_not_published_and_trusts_one_address() -> None:
    gateway = TLS["gateway"]

    assert gateway["ports"] is None
    assert gateway["environment"].keys() <= setting_names(GatewaySettings)
    proxy = TLS["tls"]["networks"]["tls"]["ipv4_address"]
    assert gateway["environment"]["GATEWAY_TRUSTED_PROXIES"] == proxy


def names_that_compose_reads() -> set[str]:
    text = "".join((REPOSITORY / name).read_text() for name in FILES)
    return set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", text))


def test_example_settings_are_the_ones_that_compose_reads() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", example, flags=re.MULTILINE))

    assert named == names_that_compose_reads() | {"COMPOSE_FILE", "COMPOSE_PROFILES"}


def test_copied_example_settings_change_nothing() -> None:
    example = (REPOSITORY / ".env.example").read_text()

    assert all(line.startswith("#") for line in example.splitlines() if line)


def test_settings_that_the_bootstrap_accepts_are_those_that_something_reads() -> None:
    known = set(re.findall(r"^[A-Z].*$", (REPOSITORY / "broker/known-settings.txt").read_text(), flags=re.MULTILINE))
    client = set(re.findall(r"IDC_[A-Z_]+", (REPOSITORY / "docs/reference/command-line.md").read_text()))

    of_compose_itself = {name for name in known if name.startswith("COMPOSE_")}
    assert known - of_compose_itself == (names_that_compose_reads() - of_compose_itself) | client | {"IDC_DATA"}
    profiles = {profile for definition in SERVICES.values() for profile in definition.get("profiles", [])}
    allowed = re.search(r"^profiles=\((.*)\)$", (REPOSITORY / "broker/check_settings.sh").read_text(), re.MULTILINE)
    assert allowed is not None
    assert set(allowed[1].split()) == profiles


def test_settings_that_the_bootstrap_checks_reach_it_from_the_shell_too() -> None:
    checked = set(re.findall(r"\bIDC_[A-Z0-9_]+", (REPOSITORY / "broker/check_settings.sh").read_text()))

    assert checked <= SERVICES["bootstrap"]["environment"].keys() | {"IDC_"}


def test_stack_has_its_folders_name_and_its_images_the_projects() -> None:
    assert "name" not in COMPOSE
    images = {
        definition["image"].split(":", 1)[1]
        for definition in (TLS | INFERENCE | SERVICES).values()
        if "image" in definition
    }
    assert images == {"${IDC_TAG:-${COMPOSE_PROJECT_NAME}}"}


def test_each_image_is_built_by_one_service_so_that_up_leaves_unchanged_containers_alone() -> None:
    for file in ("docker-compose.yml", *OVERLAYS):
        services = SERVICES if file == "docker-compose.yml" else OVERLAYS[file]
        built = [definition.get("image", name) for name, definition in services.items() if "build" in definition]
        assert len(built) == len(set(built)), file
