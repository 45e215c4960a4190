"""What documents and manifests say of settings is true."""

import re
import subprocess
from pathlib import Path

import pytest

from idc_alarm.settings import AlarmSettings
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from idc_servicekit.setting_names import is_service_link
from idc_servicekit.setting_names import setting_names as known_names
from idc_servicekit.settings import ServiceSettings
from idc_slides.settings import SlidesSettings

REPOSITORY = Path(__file__).parents[2]
SERVICES = REPOSITORY / "services"
ALL_SETTINGS: tuple[type[ServiceSettings], ...] = (AlarmSettings, GatewaySettings, InferenceSettings, SlidesSettings)


@pytest.mark.parametrize("service", ["alarm", "gateway", "inference", "slides", "trainer"])
def test_readme_has_the_common_headings(service: str) -> None:
    headings = [
        line.removeprefix("## ")
        for line in (SERVICES / service / "README.md").read_text().splitlines()
        if line.startswith("## ")
    ]

    assert headings[0] == "Purpose"
    assert {"Settings", "Run alone", "Test"} <= set(headings)


_NAME = re.compile(r"\b(?:ALARM|GATEWAY|INFERENCE|SLIDES)_[A-Z][A-Z0-9_]*")
_NO_SETTINGS = {
    "ALARM_HISTORIES",  # how many histories `make alarm-histories` generates
    "INFERENCE_PRECISION_HINT",  # a property of OpenVINO
}


def _documents() -> list[Path]:
    """Whatever tells people or machines how a service is set, but for what was decided and what has changed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout
    paths = [Path(name) for name in listed.decode().split("\0") if name]
    kinds = {".md", ".yml", ".yaml", ".service", ".sh", ".example", ".env", ".conf", ".toml"}
    named = {"Makefile", "Dockerfile", "Caddyfile"}
    return [
        path
        for path in paths
        if (path.suffix in kinds or path.name in named)
        and not path.is_relative_to("docs/explanation/decisions")
        and path.name != "CHANGELOG.md"
    ]


def test_every_setting_that_a_document_or_manifest_names_is_one() -> None:
    known = {name for settings in ALL_SETTINGS for name in known_names(settings)}
    groups = {name[: name.index("__") + 2] for name in known if "__" in name}
    wrong = {
        f"{path}: {name}"
        for path in _documents()
        for name in _NAME.findall((REPOSITORY / path).read_text())
        if name not in known | groups | _NO_SETTINGS and not is_service_link(name, "tcp://10.0.0.1:80")
    }

    assert wrong == set()


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_what_is_renamed_leads_to_a_setting(settings: type[ServiceSettings]) -> None:
    assert set(settings.renamed.values()) <= known_names(settings)
    assert not settings.renamed.keys() & known_names(settings)
