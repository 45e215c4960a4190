"""What the REST interface answers."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from idc_contracts import Decision, Lamps, ModelRef, Probability, Thresholds
from idc_gateway.alarms import AlarmView
from idc_gateway.classifications import Classification


class ClassificationItem(BaseModel):
    """One result. For research use only; not a medical device."""

    id: UUID
    name: str = Field(description="The file's name as it was sent; empty for a raw body.")
    probability: Probability = Field(description="Calibrated P(IDC), whatever the decision.")
    decision: Decision
    model: ModelRef
    thresholds: Thresholds
    latency_ms: float = Field(description="From the request's whole arrival to its result.")
    created_at: datetime
    width_px: int = Field(description="The image's own width; a patch is scaled to what the model reads.")
    height_px: int

    @classmethod
    def of(cls, result: Classification) -> Self:
        """The answer for a stored result."""
        return cls.model_validate(vars(result))


class ClassificationList(BaseModel):
    """Results, in the order in which the images were sent."""

    items: list[ClassificationItem]


class LegacyAnswer(BaseModel):
    """The answer of the 2018 system."""

    Response: str
    ResponseMessage: str
    Results: int


class AlarmItem(BaseModel):
    """One alarm as it says it is."""

    device: str
    online: bool
    lamps: Lamps | None = Field(description="None where the alarm has not reported yet.")
    buzzer: bool | None
    latched_by: UUID | None
    changed_at: datetime | None

    @classmethod
    def of(cls, view: AlarmView) -> Self:
        """The answer for one alarm."""
        state = view.state
        return cls(
            device=view.device,
            online=view.status is not None and view.status.status == "online",
            lamps=state.lamps if state else None,
            buzzer=state.buzzer if state else None,
            latched_by=state.latched_by if state else None,
            changed_at=state.changed_at if state else None,
        )


class AlarmList(BaseModel):
    """All alarms of the site that were heard of."""

    broker_connected: bool = Field(description="False: what follows may be old.")
    items: list[AlarmItem]


class Acknowledgement(BaseModel):
    """Someone saw the finding."""

    by: str = Field(min_length=1, max_length=128, description="Who, as the alarm's log should name them.")


class SignIn(BaseModel):
    """What the page sends to sign in."""

    key: str = Field(min_length=1, max_length=256)


class Session(BaseModel):
    """Who is signed in."""

    key_name: str


class Readiness(BaseModel):
    """Each check with its finding."""

    ready: bool
    checks: dict[str, str]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
