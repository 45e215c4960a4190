"""The alarm's settings, read from the environment variables `ALARM_…`."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from idc_alarm.machine.rules import Rules
from idc_alarm.panel.patterns import PatternSettings
from idc_alarm.panel.pins import PinSettings
from idc_contracts import Slug
from idc_servicekit.mqtt import MqttSettings
from idc_servicekit.settings import ServiceSettings


class WatchdogSettings(BaseModel):
    """What restarts the alarm, or the machine, when the controller hangs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["systemd", "device"] = Field(
        default="systemd",
        description="`systemd` notifies systemd where it started the alarm; `device` feeds a kernel device.",
    )
    device: Path = Field(default=Path("/dev/watchdog"), description="The kernel's watchdog device.")
    timeout_s: int = Field(
        default=15, ge=5, le=120, description="The device restarts the machine after this time without a sign of life."
    )


class AlarmSettings(ServiceSettings):
    """All settings of the alarm."""

    model_config = SettingsConfigDict(env_prefix="ALARM_", env_parse_none_str="null")
    renamed: ClassVar[Mapping[str, str]] = {
        "ALARM_BUZZER": "ALARM_PINS__BUZZER_KIND",
        "ALARM_BUZZER_FREQUENCY_HZ": "ALARM_PINS__BUZZER_TONE_HZ",
    }

    device: Slug = Field(default="alarm", description="This alarm's name, one level of its topics; unique in a site.")
    pin_factory: Literal["mock", "lgpio"] = Field(
        description="`lgpio` drives the pins of a Raspberry Pi; `mock` lights nothing, for development."
    )
    pins: PinSettings = PinSettings()
    patterns: PatternSettings = PatternSettings()
    rules: Rules = Rules()
    sites: tuple[Slug, ...] = Field(
        default=(), max_length=64, description="Sites whose gateways this alarm hears; empty: its own site."
    )
    home_assistant: Literal["off", "on", "remove"] = Field(
        default="off", description="`on` describes the alarm to Home Assistant, `remove` takes that back."
    )
    watchdog: WatchdogSettings = WatchdogSettings()
    state_dir: Path = Field(
        default=Path("/var/lib/idc"), description="Folder of the journal; it must survive restarts."
    )
    alive_file: Path = Field(default=Path("/tmp/alive"), description="Touched every five seconds while the alarm runs.")  # noqa: S108
    ready_file: Path = Field(
        default=Path("/tmp/ready"),  # noqa: S108 - the container's own tmpfs
        description="Touched while connected and subscribed, else removed.",
    )
    mqtt: MqttSettings
