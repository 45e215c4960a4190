"""Each service's README names every setting, with its default."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from idc_alarm.settings import AlarmSettings
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from support.setting_names import setting_names

SERVICES = Path(__file__).parents[2] / "services"


@pytest.mark.parametrize(
    ("service", "settings"),
    [("alarm", AlarmSettings), ("gateway", GatewaySettings), ("inference", InferenceSettings)],
)
def test_readme_names_every_setting(service: str, settings: type[BaseSettings]) -> None:
    readme = (SERVICES / service / "README.md").read_text()

    assert [name for name in sorted(setting_names(settings)) if name not in readme] == []


@pytest.mark.parametrize("service", ["alarm", "gateway", "inference", "trainer"])
def test_readme_has_the_common_headings(service: str) -> None:
    headings = [
        line.removeprefix("## ")
        for line in (SERVICES / service / "README.md").read_text().splitlines()
        if line.startswith("## ")
    ]

    assert headings[0] == "Purpose"
    assert {"Settings", "Run alone", "Test"} <= set(headings)
