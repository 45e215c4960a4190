"""The alarm's settings, read from the environment variables `ALARM_…`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

from idc_alarm.patterns import PatternSettings
from idc_alarm.rules import Rules
from idc_contracts import Slug
from idc_servicekit.mqtt import MqttSettings
from idc_servicekit.settings import ServiceSettings

GpioNumber = Annotated[int, Field(ge=2, le=27)]
"""A line of the 40-pin header by its BCM number; 0 and 1 belong to the identification EEPROM of a HAT."""


class PinSettings(BaseModel):
    """Which GPIO line drives what (BCM numbers, not positions on the header)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    red: GpioNumber = Field(default=17, description="Red lamp's GPIO line, 2-27.")
    amber: GpioNumber = Field(default=27, description="Amber lamp's GPIO line, 2-27.")
    blue: GpioNumber = Field(default=22, description="Blue lamp's GPIO line, 2-27.")
    buzzer: GpioNumber = Field(default=23, description="Buzzer's GPIO line, 2-27.")
    button: GpioNumber | None = Field(default=24, description="The button's GPIO line, 2-27; `null`: no button.")
    active_high: bool = Field(default=True, description="False where a low level lights (most relay boards).")
    buzzer_active_high: bool = Field(default=True, description="False where a low level sounds.")
    buzzer_kind: Literal["active", "passive"] = Field(
        default="active", description="`active` sounds on a steady level, `passive` needs a tone."
    )
    buzzer_tone_hz: int = Field(default=2000, ge=100, le=5000, description="A passive buzzer's tone.")
    button_pull_up: bool = Field(default=True, description="True: the button connects to ground; false: to 3.3 V.")
    debounce_s: float = Field(default=0.05, ge=0.0, le=1.0, description="How long the button's contact may bounce.")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        lines = [self.red, self.amber, self.blue, self.buzzer, self.button]
        numbers = [number for number in lines if number is not None]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"red, amber, blue, buzzer and button need different lines, got {numbers}")
        return self


class WatchdogSettings(BaseModel):
    """What restarts the alarm, or the machine, when the loop hangs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["systemd", "device"] = Field(
        default="systemd",
        description="`systemd` by its socket, where it started the alarm; `device` by a kernel device.",
    )
    device: Path = Field(default=Path("/dev/watchdog"), description="The kernel's watchdog device.")
    timeout_s: int = Field(default=15, ge=5, le=120, description="Unfed for so long, the device restarts the machine.")


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
        default=(), max_length=64, description="Sites whose gateways this alarm hears; none named: its own alone."
    )
    home_assistant: Literal["off", "on", "remove"] = Field(
        default="off", description="`on` describes the alarm to Home Assistant, `remove` takes that back."
    )
    watchdog: WatchdogSettings = WatchdogSettings()
    state_dir: Path = Field(
        default=Path("/var/lib/idc"), description="Folder of the journal; it must outlive restarts."
    )
    alive_file: Path = Field(default=Path("/tmp/alive"), description="Touched with each turn of the loop.")  # noqa: S108
    ready_file: Path = Field(
        default=Path("/tmp/ready"),  # noqa: S108 - the container's own tmpfs
        description="Touched while connected and subscribed, else removed.",
    )
    mqtt: MqttSettings
