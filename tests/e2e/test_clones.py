"""Clones used as the documents say: side by side, after changes of `.env`, with HTTPS kept, with settings refused."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from support.checkout import Checkout
from support.docker_networks import free_network
from support.eventually import wait_until
from support.free_port import free_port
from support.tls_names import served_names

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A running stack of its own folder, started by the README's command."""
    clone = Checkout(tmp_path_factory.mktemp("clones") / f"idc-e2e-{uuid4().hex[:8]}")
    try:
        clone.up("--build")
        yield clone
    finally:
        clone.remove()


def broker_names(clone: Checkout) -> set[str]:
    return served_names(int(clone.settings["IDC_MQTT_PORT"]), clone.exec("broker", "cat", "/run/secrets/idc/ca.crt"))


def status_of(clone: Checkout, path: str, key: str) -> int:
    return httpx.get(f"{clone.url}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code


def test_page_is_published_on_loopback_and_the_sign_in_link_leads_there(clone: Checkout) -> None:
    assert re.search(rf"http://localhost:{clone.settings['IDC_HTTP_PORT']}/#sign-in=", clone.compose("logs", "gateway"))
    assert clone.compose("port", "gateway", "8080").strip() == clone.url.removeprefix("http://")


def test_later_name_of_the_broker_is_served_after_up_without_a_lost_connection(clone: Checkout) -> None:
    before = clone.compose("ps", "--quiet", "broker")
    assert "pc.lan" not in broker_names(clone)

    clone.configure(IDC_BROKER_NAMES="PC.lan, 192.0.2.7,")
    clone.compose("up", "--detach")

    wait_until(lambda: {"pc.lan", "192.0.2.7"} <= broker_names(clone), "the new names are served")
    assert clone.compose("ps", "--quiet", "broker") == before


def test_exchanged_keys_count_after_up(clone: Checkout) -> None:
    old = clone.api_key()
    old_metrics = clone.exec("gateway", "cat", "/run/secrets/idc/metrics-key").strip()
    assert (status_of(clone, "/api/v1/status", old), status_of(clone, "/metrics", old_metrics)) == (200, 200)

    files = ("/secrets/gateway/api-key", "/secrets/metrics/metrics-key")
    clone.compose("run", "--rm", "--no-deps", "bootstrap", "rm", "-f", *files)
    clone.compose("up", "--detach")

    new_metrics = clone.exec("gateway", "cat", "/run/secrets/idc/metrics-key").strip()
    wait_until(lambda: status_of(clone, "/api/v1/status", clone.api_key()) == 200, "the new key is taken in")
    wait_until(lambda: status_of(clone, "/api/v1/status", old) == 401, "the old one is refused")
    assert (status_of(clone, "/metrics", new_metrics), status_of(clone, "/metrics", old_metrics)) == (200, 401)


def test_bridge_is_served_after_up(clone: Checkout) -> None:
    bridge = clone.folder / "broker/bridges/site.conf"
    bridge.write_text("connection site\naddress 127.0.0.1:9\ntopic +/+/alarm-state out 1 idc/v1/ idc/v1/\n")

    clone.compose("up", "--detach")
    wait_until(lambda: "Connecting bridge (step 1) site" in clone.compose("logs", "broker"), "the bridge is tried")

    bridge.unlink()
    clone.up()
    wait_until(lambda: "connection site" not in clone.exec("broker", "cat", "/tmp/mosquitto.conf"), "it is gone")


def test_pretended_alarm_that_is_left_out_stays_away_after_a_later_up(clone: Checkout) -> None:
    assert "alarm" in clone.running()

    clone.configure(IDC_PRETEND_ALARM="0")
    clone.up()
    clone.up()
    assert clone.running() == {"broker", "gateway", "inference", "slides"}

    clone.configure(IDC_PRETEND_ALARM="")
    clone.up()
    assert "alarm" in clone.running()


def test_mistyped_setting_ends_up_and_is_named_with_the_right_one(clone: Checkout) -> None:
    clone.configure(IDC_HTPP_BIND="192.0.2.7")
    try:
        done = clone.run("docker", "compose", "up", "--detach", "--wait")

        assert done.returncode != 0
        assert "bootstrap" in done.stderr
        assert "IDC_HTPP_BIND is not a setting: did you mean IDC_HTTP_BIND?" in clone.compose("logs", "bootstrap")
    finally:
        clone.configure(IDC_HTPP_BIND="")
        clone.up()


def test_second_clone_beside_the_first_takes_nothing_of_it(clone: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path / f"idc-e2e-{uuid4().hex[:8]}", {"IDC_TAG": ""})
    try:
        key, container = clone.api_key(), clone.compose("ps", "--quiet", "broker")
        second.up("--build", "broker")

        assert second.running() == {"broker"}
        (image,) = set(second.compose("config", "--images", "broker").split())
        assert image == f"idc-sentinel/broker:{second.project}"
        assert second.exec("broker", "cat", "/run/secrets/idc/ca.crt") != clone.exec(
            "broker", "cat", "/run/secrets/idc/ca.crt"
        )
        second.remove()
        assert clone.compose("ps", "--quiet", "broker") == container
        assert clone.running() == {"broker", "gateway", "inference", "slides", "alarm"}
        assert (clone.api_key(), status_of(clone, "/api/v1/status", key)) == (key, 200)
    finally:
        second.remove()
        second.run("docker", "image", "rm", f"idc-sentinel/broker:{second.project}")


def test_clone_in_a_folder_of_the_same_name_is_refused_and_the_first_goes_on_with_its_data(
    clone: Checkout, tmp_path: Path
) -> None:
    key = clone.api_key()
    other = Checkout(tmp_path / clone.folder.name, clone.settings)
    try:
        done = other.run("docker", "compose", "up", "--detach", "--wait")

        assert done.returncode != 0
        said = other.compose("logs", "--no-log-prefix", "bootstrap")
        assert f"clone in {clone.folder}" in said
        assert "COMPOSE_PROJECT_NAME=" in said
    finally:
        clone.up()
    assert (clone.api_key(), status_of(clone, "/api/v1/status", key)) == (key, 200)


def test_line_of_a_services_file_without_effect_is_reported_with_the_right_one(clone: Checkout) -> None:
    file = clone.folder / "inference.env"
    file.write_text("INFERENCE_DEVICE=GPU\n")
    try:
        done = clone.run("docker", "compose", "up", "--detach", "--wait")

        assert done.returncode != 0
        assert "write IDC_DEVICE into .env" in clone.compose("logs", "bootstrap")
    finally:
        file.unlink()
        clone.up()


def test_second_clone_with_the_same_ports_is_refused_with_the_port(clone: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path / f"idc-e2e-{uuid4().hex[:8]}", {"IDC_MQTT_PORT": clone.settings["IDC_MQTT_PORT"]})
    try:
        done = second.run("docker", "compose", "up", "--detach", "broker")

        assert done.returncode != 0
        assert clone.settings["IDC_MQTT_PORT"] in done.stderr
        assert "broker" in clone.running()
    finally:
        second.remove()


def test_https_is_kept_by_a_later_plain_up_and_never_taken_back_silently(clone: Checkout) -> None:
    clone.configure(
        COMPOSE_FILE="docker-compose.yml:docker-compose.tls.yml",
        IDC_DOMAIN="idc.test",
        IDC_HTTP_BIND="127.0.0.1",
        IDC_HTTPS_PORT=str(free_port()),
        IDC_TLS_NETWORK=free_network(),
    )
    clone.up("--build")
    clone.compose("up", "--detach")
    authority = clone.exec("tls", "cat", "/var/lib/idc/caddy/pki/authorities/local/root.crt")
    trust = ssl.create_default_context(cadata=authority)
    with httpx.Client(verify=trust, timeout=30) as client:
        url = f"https://127.0.0.1:{clone.settings['IDC_HTTPS_PORT']}/livez"
        answer = client.get(url, headers={"Host": "idc.test"}, extensions={"sni_hostname": "idc.test"})
    assert answer.status_code == 200
    assert clone.compose("ps", "gateway", "--format", "{{.Ports}}").strip() in ("", "8080/tcp")

    # Refused, and the gateway is not published again: no service starts before the bootstrap has ended well.
    clone.configure(COMPOSE_FILE="")
    try:
        done = clone.run("docker", "compose", "up", "--detach", "--wait")
        assert done.returncode != 0
        assert "COMPOSE_FILE=docker-compose.yml:docker-compose.tls.yml" in clone.compose("logs", "bootstrap")
        assert "gateway" not in clone.running()
    finally:
        # so that what it made is removed too
        clone.configure(COMPOSE_FILE="docker-compose.yml:docker-compose.tls.yml")
