"""Which GPIO line drives what."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

GpioNumber = Annotated[int, Field(ge=2, le=27)]
"""A line of the 40-pin header by its BCM number; 0 and 1 belong to the identification EEPROM of a HAT."""


class PinSettings(BaseModel):
    """Which GPIO line drives what (BCM numbers, not positions on the header)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    red: GpioNumber = Field(default=17, description="Red lamp's GPIO line, 2-27.")
    amber: GpioNumber = Field(default=27, description="Amber lamp's GPIO line, 2-27.")
    blue: GpioNumber = Field(default=22, description="Blue lamp's GPIO line, 2-27.")
    buzzer: GpioNumber = Field(default=23, description="Buzzer's GPIO line, 2-27.")
    button: GpioNumber | None = Field(default=24, description="Button's GPIO line, 2-27; `null`: no button.")
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
