"""The alarm's settings, read from the environment variables `ALARM_…`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

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
    active_high: bool = Field(default=True, description="False where a low level lights (most relay boards).")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        numbers = [self.red, self.amber, self.blue, self.buzzer]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"red, amber, blue and buzzer need four different lines, got {numbers}")
        return self


class AlarmSettings(ServiceSettings):
    """All settings of the alarm."""

    model_config = SettingsConfigDict(env_prefix="ALARM_", env_parse_none_str="null")

    device: Slug = Field(default="alarm", description="This alarm's name, one level of its topics; unique in a site.")
    pin_factory: Literal["mock", "lgpio"] = Field(
        description="`lgpio` drives the pins of a Raspberry Pi; `mock` lights nothing, for development."
    )
    pins: PinSettings = PinSettings()
    state_dir: Path = Field(
        default=Path("/var/lib/idc"), description="Folder of the journal; it must outlive restarts."
    )
    alive_file: Path = Field(default=Path("/tmp/alive"), description="Touched with each turn of the loop.")  # noqa: S108
    ready_file: Path = Field(
        default=Path("/tmp/ready"),  # noqa: S108 - the container's own tmpfs
        description="Touched while connected and subscribed, else removed.",
    )
    mqtt: MqttSettings
