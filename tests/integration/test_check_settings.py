"""What is checked before the bootstrap: every refusal names the value and what is right."""

import re
import subprocess
from pathlib import Path

import pytest

from support.broker_scripts import run
from support.mosquitto import REPOSITORY

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("IDC_BROKER_NAME", "pc.lan", "did you mean IDC_BROKER_NAMES?"),
        ("IDC_HTPP_BIND", "0.0.0.0", "did you mean IDC_HTTP_BIND?"),
        ("IDC_MUTUALTLS", "on", "did you mean IDC_MUTUAL_TLS?"),
        ("COMPOSE_PROFILE", "pi", "did you mean COMPOSE_PROFILES?"),
        ("COMPOSE_PROFILES", "observabilty", "no service has the profile 'observabilty'"),
        ("GATEWAY_SESSION_LIFETIME_H", "8", "write it into gateway.env"),
        ("ALARM_BUZZER", "passive", "write it into alarm.env"),
        ("SLIDES_WORKERS", "4", "write it into slides.env"),
        ("IDC_SLIDES_INTERNAL", "no", "write true or false"),
        ("IDC_MINIMUM_IDC_MM2", "1 mm2", "write an area in mm2"),
        ("idc_http_bind", "0.0.0.0", "did you mean IDC_HTTP_BIND?"),
        ("ICD_SITE", "lab", "did you mean IDC_SITE?"),
        ("HTTP_BIND", "0.0.0.0", "did you mean IDC_HTTP_BIND?"),
        ("COMPOSEFILE", "docker-compose.yml", "did you mean COMPOSE_FILE?"),
        ("gateway_site", "lab", "write it into gateway.env"),
        ("IDC_PRETEND_ALARM", "off", "write 1 to run it here, 0 to leave it out"),
        ("IDC_MUTUAL_TLS", "yes", "write on or off"),
        ("IDC_SITE", "Lab A", "lower-case letters, digits and hyphens"),
        ("IDC_LOCAL_INFERENCE", "0", "IDC_INFERENCE_URL=https://NAME:8443"),
        ("IDC_DOMAIN", "idc.example", "COMPOSE_FILE=docker-compose.yml:docker-compose.tls.yml"),
    ],
)
def test_setting_that_nothing_reads_is_refused_with_the_right_one(name: str, value: str, told: str) -> None:
    done = run("check_settings.sh", **{name: value})

    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert name in line
    assert told in line


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("IDC_DOMAIN", "https://Idc.Example", "write only the host, idc.example"),
        ("IDC_DOMAIN", "idc.example:8443", "write only the host, idc.example"),
        ("IDC_DOMAIN", "fe80::1", "write it in brackets, [fe80::1]"),
        ("IDC_TLS", "yes", "write internal, or an e-mail address"),
        ("IDC_PUBLIC_URL", "pc.lan:8080", "write an address such as http://"),
        ("IDC_PUBLIC_URL", "https://https://pc.lan", "write an address such as http://"),
        ("IDC_INFERENCE_URL", "up.lan:8443", "write an address such as http://"),
        ("IDC_INFERENCE_URL", "http://up.lan:8000 http://b:8000", "write an address such as http://"),
    ],
)
def test_invalid_address_is_rejected(name: str, value: str, told: str) -> None:
    done = run("check_settings.sh", **{"IDC_OVERLAY_TLS": "on", name: value})

    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert value in line
    assert told in line


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"IDC_DOMAIN": "192.0.2.7", "IDC_TLS": "you@hospital.example", "IDC_OVERLAY_TLS": "on"},
        {"IDC_DOMAIN": "[2001:db8::1]", "IDC_TLS": "internal", "IDC_OVERLAY_TLS": "on"},
        {"IDC_PUBLIC_URL": "https://[2001:db8::1]:8443/idc/", "IDC_INFERENCE_URL": "http://a:8000, http://b:8000/"},
        {"IDC_HTTP_BIND": "127.0.0.1", "COMPOSE_PROFILES": "pi, observability", "IDC_URL": "http://localhost:8080"},
        {"IDC_DOMAIN": "idc.example", "IDC_OVERLAY_TLS": "on", "IDC_HTTP_BIND": "0.0.0.0"},
        {"IDC_LOCAL_INFERENCE": "0", "IDC_INFERENCE_URL": "https://up.lan:8443", "IDC_INFERENCE_NAMES": "up.lan"},
        {"IDC_MQTT_BIND": "0.0.0.0", "IDC_BROKER_NAMES": "pc.lan", "IDC_SITE": "lab-a"},
        {"HTTP_PROXY": "http://proxy.lan:3128", "TZ": "Europe/Vienna", "DOCKER_HOST": "ssh://pc.lan"},
    ],
)
def test_correct_settings_pass_silently(settings: dict[str, str]) -> None:
    done = run("check_settings.sh", **settings)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("gateway.env", "GATEWAY_PUBLIC_URL=https://idc.example", "write IDC_PUBLIC_URL into .env"),
        ("gateway.env", "GATEWAY_MQTT__HOST=pc.lan", "docker-compose.yml sets it, and needs that value"),
        ("gateway.env", "GATWAY_IMAGE_RETENTION_DAYS=30", "they begin with GATEWAY_"),
        ("gateway.env", "INFERENCE_DEVICE=GPU", "write it into inference.env"),
        ("gateway.env", "IDC_SITE=lab", "write it into .env"),
        ("inference.env", "export INFERENCE_DEVICE=GPU", "write IDC_DEVICE into .env"),
        ("inference.env", "INFERENCE_CACHE_DIR=/tmp", "docker-compose.yml sets it"),
        ("alarm.env", "ALARM_SITE = lab", "write IDC_SITE into .env"),
        ("alarm-pi.env", "ALARM_MQTT__HOST=pc.lan", "write IDC_PI_BROKER into .env"),
        ("alarm-pi.env", "ALARM_DEVICE=ward", "write IDC_PI_DEVICE into .env"),
    ],
)
def test_line_of_a_services_file_without_effect_is_rejected(tmp_path: Path, file: str, line: str, told: str) -> None:
    done = refusal_of(tmp_path, {file: f"# a comment\n{line}\n"})

    assert f"{re.split('[ =]', line.removeprefix('export '))[0]} in {file}" in done
    assert told in done


def test_valid_lines_of_services_files_pass(tmp_path: Path) -> None:
    files = {
        "gateway.env": "GATEWAY_TRUSTED_PROXIES=172.18.0.1\nOTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318\nTZ=UTC\n",
        "inference.env": "INFERENCE_DRAIN_DELAY_S=1\n",
        "alarm.env": "ALARM_DEVICE=ward\n",
        "alarm-pi.env": "ALARM_PINS__RED=16\n\n# ALARM_SITE=lab\n",
    }

    assert refusal_of(tmp_path, files) == ""


def test_proxies_beside_the_https_overlay_are_refused_since_it_names_its_own(tmp_path: Path) -> None:
    files = {"gateway.env": "GATEWAY_TRUSTED_PROXIES=172.18.0.1\n"}

    assert "GATEWAY_TRUSTED_PROXIES in gateway.env" in refusal_of(tmp_path, files, IDC_OVERLAY_TLS="on")


def refusal_of(folder: Path, files: dict[str, str], **settings: str) -> str:
    """What check_settings.sh says of a project with these env files."""
    for name in ("docker-compose.yml", "docker-compose.tls.yml"):
        (folder / name).write_text((REPOSITORY / name).read_text())
    for name, text in files.items():
        (folder / name).write_text(text)
    done = run("check_settings.sh", folder, **settings)
    assert done.returncode == (78 if done.stderr else 0)
    return done.stderr


def clone_check(record: Path, place: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("check_clone.sh", record, place, **{"IDC_PROJECT": "idc-sentinel", **variables})


def test_clone_of_the_same_name_elsewhere_is_refused_with_both_places(tmp_path: Path) -> None:
    record = tmp_path / "ca/clone"
    assert clone_check(record, "/home/a/IDC-Sentinel").returncode == 0
    assert clone_check(record, "/home/a/IDC-Sentinel").returncode == 0

    done = clone_check(record, "/home/b/idc-sentinel")

    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 1
    for part in ("/home/a/IDC-Sentinel", "/home/b/idc-sentinel", "COMPOSE_PROJECT_NAME=", "If you moved the folder"):
        assert part in done.stderr


@pytest.mark.parametrize(
    ("place", "variables"),
    [
        ("/home/b/idc-sentinel", {"COMPOSE_PROJECT_NAME": "idc-sentinel"}),
        ("/home/b/another", {}),
        ("", {}),
    ],
)
def test_project_that_was_chosen_by_name_may_move(tmp_path: Path, place: str, variables: dict[str, str]) -> None:
    clone_check(tmp_path / "clone", "/home/a/idc-sentinel")

    done = clone_check(tmp_path / "clone", place, **variables)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"IDC_MQTT_BIND": "0.0.0.0"}, "IDC_BROKER_NAMES"),
        ({"IDC_INFERENCE_URL": "https://up.lan:8443"}, "IDC_INFERENCE_NAMES"),
    ],
)
def test_setting_that_needs_another_one_is_taken_and_the_other_named(settings: dict[str, str], named: str) -> None:
    done = run("check_settings.sh", **settings)

    assert done.returncode == 0
    assert named in done.stderr


def test_plain_http_beyond_this_machine_is_possible_and_named() -> None:
    done = run("check_settings.sh", IDC_HTTP_BIND="0.0.0.0")

    assert done.returncode == 0
    assert "plain HTTP on 0.0.0.0" in done.stderr
    assert "set IDC_PUBLIC_URL" in done.stderr
