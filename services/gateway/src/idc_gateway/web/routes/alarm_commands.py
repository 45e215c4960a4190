"""Commands for one alarm: acknowledge findings, silence the buzzer, test lamps and buzzer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from idc_contracts import AcknowledgeAlarm, Note, SilenceAlarm, TestAlarm
from idc_contracts.base import JSON_NUMBER
from idc_gateway.access.scopes import Scope
from idc_gateway.alarms.commands import Command
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import Claim, fingerprint_of
from idc_gateway.web.dependencies import AlarmsDep, CurrentCaller, RequestId, SettingsDep, requires
from idc_gateway.web.routes.parameters import IdempotencyKey

router = APIRouter(tags=["alarms"], dependencies=[Depends(requires(Scope.ALARM))])


class AskedCommand(BaseModel):
    """What every command may bring."""

    model_config = ConfigDict(extra="forbid")

    note: Note | None = Field(default=None, description="Free text, kept in the audit chain.")

    @model_validator(mode="before")
    @classmethod
    def _names_nobody(cls, body: Any) -> Any:
        if isinstance(body, dict) and "by" in body:
            raise ValueError("the gateway sets `by` to the name of the caller's key or user; send free text as `note`")
        return body


class AskedAcknowledgement(AskedCommand):
    """Findings were seen."""

    up_to: UUID | None = Field(
        default=None,
        description="The newest finding that was seen: it and all older ones are cleared. The default is the newest "
        "that the alarm had reported when the request arrived.",
    )


class AskedSilence(AskedCommand):
    """The buzzer is to be silent for a time."""

    duration_s: Annotated[int, JSON_NUMBER] = Field(
        ge=1, le=3600, description="How long the buzzer is silent; a new finding ends it."
    )


class AskedTest(AskedCommand):
    """Lamps and buzzer are to be tested."""


class SentCommand(BaseModel):
    """A command on its way to an alarm."""

    by: str = Field(description="The name of the caller's key or user.")
    note: str | None


class Acknowledgement(SentCommand):
    """Findings were seen."""

    up_to: UUID | None = Field(
        description="The newest finding that is cleared. Null if the alarm named none: findings older than the "
        "request are cleared. All zeros if the alarm reported no finding: nothing is cleared."
    )


class Silence(SentCommand):
    """The buzzer is silent for a time."""

    duration_s: int


class SelfTest(SentCommand):
    """Lamps and buzzer are tested in turn."""


async def _sender(
    alarms: AlarmsDep,
    settings: SettingsDep,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    idempotency_key: IdempotencyKey = None,
) -> Callable[..., Awaitable[Response]]:
    async def send(asked: AskedCommand, command: type[Command], answer: type[SentCommand], **fields: Any) -> Response:
        message = command(source=settings.device, by=caller.name, note=asked.note, correlation_id=request_id, **fields)
        sent = answer.model_validate(message, from_attributes=True)
        # The request itself is claimed, not the command: its newest finding may differ when the request is repeated.
        pieces = [type(asked).__name__.encode(), device.encode(), asked.model_dump_json().encode()]
        claim = Claim(caller.name, idempotency_key, 0, fingerprint_of(pieces)) if idempotency_key else None
        job = Job(caller.name, request_id, claim)
        body = await alarms.commands.send(device, message, sent.model_dump(mode="json"), job)
        return Response(body, 202, media_type="application/json")

    return send


Send = Annotated[Callable[..., Awaitable[Response]], Depends(_sender)]


@router.post("/alarms/{device}/acknowledgements", status_code=202, response_model=Acknowledgement)
async def acknowledge_alarm(alarms: AlarmsDep, device: str, send: Send, asked: AskedAcknowledgement) -> Response:
    """Acknowledge the findings of one alarm. The command is stored like a result: 202 means that it will arrive."""
    up_to = asked.up_to or alarms.commands.newest_finding(device)
    return await send(asked, AcknowledgeAlarm, Acknowledgement, up_to=up_to)


@router.post("/alarms/{device}/silences", status_code=202, response_model=Silence)
async def silence_alarm(send: Send, asked: AskedSilence) -> Response:
    """Silence what one alarm's buzzer sounds now. Its lamps stay on, and a new finding sounds."""
    return await send(asked, SilenceAlarm, Silence, duration_s=asked.duration_s)


@router.post("/alarms/{device}/tests", status_code=202, response_model=SelfTest)
async def try_alarm(send: Send, asked: AskedTest) -> Response:
    """Test the lamps and buzzer of one alarm in turn; an alarm with unacknowledged findings does not run the test."""
    return await send(asked, TestAlarm, SelfTest)
