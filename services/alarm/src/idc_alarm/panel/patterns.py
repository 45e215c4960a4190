"""Patterns of lamps and buzzer: how long an output is on and off in turn."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from idc_alarm.machine.signals import Signal

Duration = Annotated[int, Field(ge=20, le=60000)]
Pattern = Annotated[tuple[Duration, ...], Field(min_length=2, max_length=16)]
"""Milliseconds on, off, on, off …, repeated."""


class PatternSettings(BaseModel):
    """The patterns of lamps and buzzer.

    The defaults follow ideas of IEC 60601-1-8, without a claim of compliance: fast red for high priority (1.4-2.8 Hz),
    slow amber for medium priority (0.4-0.8 Hz), bursts of beeps for a finding and a single slow beep for the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding_lamp: Pattern = Field(default=(250, 250), description="Red while a finding sounds: on, off, … in ms.")
    finding_buzzer: Pattern = Field(
        default=(150, 100, 150, 100, 150, 850), description="The buzzer for a finding: on, off, … in ms."
    )
    silenced_lamp: Pattern = Field(
        default=(1800, 200), description="Red, or amber, while its sound is off: on, off, … in ms."
    )
    technical_lamp: Pattern = Field(
        default=(200, 200, 200, 1400), description="Amber for a technical reason: on, off, … in ms."
    )
    technical_buzzer: Pattern = Field(
        default=(200, 3300), description="The slow beep for a technical reason: on, off, … in ms."
    )

    @model_validator(mode="after")
    def _end_with_off(self) -> Self:
        for name, pattern in self:
            if len(pattern) % 2:
                raise ValueError(f"{name} must end with an off time: an even count of numbers, got {pattern}")
        return self

    def of(self, output: str, signal: Signal) -> Pattern | None:
        """The pattern of `buzzer` or a lamp; None for a steady signal, or off."""
        if output == "buzzer":
            return {Signal.FINDING: self.finding_buzzer, Signal.TECHNICAL: self.technical_buzzer}.get(signal)
        return {
            Signal.FINDING: self.finding_lamp,
            Signal.SILENCED: self.silenced_lamp,
            Signal.TECHNICAL: self.technical_lamp,
        }.get(signal)


def level_at(pattern: Pattern, elapsed_s: float) -> tuple[bool, float]:
    """Whether a pattern is on, and for how many more seconds.

    Args:
        pattern: Milliseconds on and off in turn.
        elapsed_s: Time since the pattern began, 0 or more.
    """
    position_ms = elapsed_s * 1000 % sum(pattern)
    for step, duration_ms in enumerate(pattern):
        if position_ms < duration_ms:
            return step % 2 == 0, (duration_ms - position_ms) / 1000
        position_ms -= duration_ms
    return True, pattern[0] / 1000  # rounding went past the end
