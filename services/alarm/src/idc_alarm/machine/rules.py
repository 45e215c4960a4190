"""The durations and choices of the state machine."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from idc_contracts import Decision

GatewayName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$")]
"""A gateway's place in the topics: `site/device`."""


class Rules(BaseModel):
    """How long things last, what is too old, and which results this alarm shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decisions: frozenset[Decision] = Field(
        default=frozenset(Decision), min_length=1, description="Decisions that this alarm shows; it ignores the others."
    )
    gateways: frozenset[GatewayName] = Field(
        default=frozenset(),
        max_length=64,
        description="Gateways that must be online, as `site/device`; so must any other that reported a status.",
    )
    clear_for_s: float = Field(default=60.0, ge=1.0, le=3600.0, description="How long blue stays lit.")
    max_age_s: float = Field(
        default=600.0, ge=1.0, le=604800.0, description="A result or command older than this raises no sound."
    )
    clock_tolerance_s: float = Field(
        default=60.0, ge=1.0, le=3600.0, description="How far clocks may differ before they count as wrong."
    )
    no_message_after_s: float | None = Field(
        default=None,
        ge=5.0,
        le=604800.0,
        description="Time without any message that is a technical reason; unset: only announced repeats are expected.",
    )
    beep_after_s: float = Field(
        default=10.0, ge=0.0, le=3600.0, description="How long a technical reason lasts before the slow beep begins."
    )
    button_silence_s: float = Field(
        default=600.0, ge=1.0, le=3600.0, description="How long the button silences the slow beep."
    )
    test_at_start: bool = Field(default=True, description="Whether each start begins with a self-test.")
    test_step_s: float = Field(
        default=0.5, ge=0.1, le=10.0, description="How long the self-test holds each lamp and the buzzer."
    )
