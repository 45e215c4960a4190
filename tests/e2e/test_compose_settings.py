"""What `docker compose` makes of the settings: addresses, ports, links. Nothing is started."""

from typing import Any
from uuid import uuid4

import pytest

from support.checkout import Checkout

pytestmark = pytest.mark.e2e
TLS = {"COMPOSE_FILE": "docker-compose.yml:docker-compose.tls.yml", "IDC_DOMAIN": "idc.example"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("settings") / f"idc-e2e-{uuid4().hex[:8]}")


@pytest.fixture
def render(checkout: Checkout) -> Any:
    def render(settings: dict[str, str]) -> dict[str, Any]:
        checkout.settings.clear()
        checkout.configure(**settings)
        services: dict[str, Any] = checkout.rendered()["services"]
        return services

    return render


def published(services: dict[str, Any]) -> dict[str, list[str]]:
    return {
        name: [f"{port.get('host_ip')}:{port['published']}" for port in definition["ports"]]
        for name, definition in services.items()
        if definition.get("ports")
    }


def test_nothing_is_published_beyond_loopback_unless_someone_asks(render: Any) -> None:
    services = render({"COMPOSE_PROFILES": "pi,ncs,observability,train"})

    assert published(services) == {
        "broker": ["127.0.0.1:8883"],
        "gateway": ["127.0.0.1:8080"],
        "observability": ["127.0.0.1:9090"],
    }


def test_with_https_only_caddy_is_published_beyond_loopback(render: Any) -> None:
    assert published(render(TLS)) == {"broker": ["127.0.0.1:8883"], "tls": ["0.0.0.0:80", "0.0.0.0:443"]}


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://localhost:8080"),
        ({"IDC_HTTP_PORT": "9000"}, "http://localhost:9000"),
        ({"IDC_HTTP_BIND": "192.0.2.7"}, "http://192.0.2.7:8080"),
        ({"IDC_HTTP_BIND": "192.0.2.7", "IDC_HTTP_PORT": "80"}, "http://192.0.2.7:80"),
        ({"IDC_HTTP_BIND": "[::1]"}, "http://[::1]:8080"),
        ({"IDC_PUBLIC_URL": "http://pc.lan:8080", "IDC_HTTP_BIND": "0.0.0.0"}, "http://pc.lan:8080"),
        (TLS, "https://idc.example:443"),
        (TLS | {"IDC_HTTPS_PORT": "8443"}, "https://idc.example:8443"),
        (TLS | {"IDC_PUBLIC_URL": "https://example/idc"}, "https://example/idc"),
    ],
)
def test_sign_in_links_follow_from_the_settings(render: Any, settings: dict[str, str], url: str) -> None:
    assert render(settings)["gateway"]["environment"]["GATEWAY_PUBLIC_URL"] == url


def test_settings_of_a_service_come_from_its_own_file(render: Any, checkout: Checkout) -> None:
    lines = {"gateway": "GATEWAY_SESSION_LIFETIME_H", "inference": "INFERENCE_POLL_INTERVAL_S", "alarm": "ALARM_DEVICE"}
    for service, name in lines.items():
        (checkout.folder / f"{service}.env").write_text(f"{name}=7\n")
    try:
        services = render({})
    finally:
        for service in lines:
            (checkout.folder / f"{service}.env").unlink()

    assert {service: services[service]["environment"][name] for service, name in lines.items()} == dict.fromkeys(
        lines, "7"
    )


def test_pi_with_the_alarm_alone_has_one_service_and_needs_the_brokers_name(render: Any, checkout: Checkout) -> None:
    services = render({"COMPOSE_FILE": "docker-compose.pi.yml", "IDC_PI_BROKER": "pc.lan"})

    assert services.keys() == {"alarm-pi"}
    assert services["alarm-pi"]["environment"]["ALARM_MQTT__HOST"] == "pc.lan"
    assert "depends_on" not in services["alarm-pi"]
    checkout.configure(IDC_PI_BROKER="")
    assert "set IDC_PI_BROKER" in checkout.run("docker", "compose", "config").stderr


def test_images_and_volumes_have_the_projects_name_unless_a_tag_is_set(render: Any, checkout: Checkout) -> None:
    assert render({})["gateway"]["image"] == f"idc-sentinel/gateway:{checkout.folder.name}"
    assert render({"COMPOSE_PROJECT_NAME": "lab"})["gateway"]["image"] == "idc-sentinel/gateway:lab"
    assert render({"IDC_TAG": "0.1.0"})["gateway"]["image"] == "idc-sentinel/gateway:0.1.0"
    volumes = checkout.rendered()["volumes"]
    assert {volume["name"].split("_")[0] for volume in volumes.values()} == {checkout.folder.name}
