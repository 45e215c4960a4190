"""Tell one alarm something: that a finding was seen, to be quiet for a time, to try its outputs."""

from typing import Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_TESTS,
    NOTHING_SEEN,
    AcknowledgeAlarm,
    Message,
    Note,
    SilenceAlarm,
    TestAlarm,
    Topic,
)
from idc_gateway.access.scopes import Scope
from idc_gateway.alarms.board import AlarmView
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import AlreadyDone, NotFound
from idc_gateway.idempotency.idempotent import idempotent
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import Claim, Receipt, fingerprint_of
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.web.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId, requires
from idc_gateway.web.routes.parameters import IdempotencyKey

router = APIRouter(tags=["alarms"], dependencies=[Depends(requires(Scope.ALARM))])

Action = Literal["acknowledgement", "silence", "test"]
_TOPICS: Final[dict[Action, Topic]] = {
    "acknowledgement": ALARM_ACKNOWLEDGEMENTS,
    "silence": ALARM_SILENCES,
    "test": ALARM_TESTS,
}


class Asked(BaseModel):
    """What every request to an alarm may bring."""

    model_config = ConfigDict(extra="forbid")

    note: Note | None = Field(default=None, description="Free text, kept in the audit chain.")

    @model_validator(mode="before")
    @classmethod
    def _names_nobody(cls, given: Any) -> Any:
        if isinstance(given, dict) and "by" in given:
            raise ValueError("the gateway sets `by` to the name of the key or user that asks; send free text as `note`")
        return given


class AskedAcknowledgement(Asked):
    """Someone saw findings."""

    up_to: UUID | None = Field(
        default=None,
        description="The newest finding that was seen: it and those before it are cleared. Left out, it is the newest "
        "that the alarm had reported when the request arrived.",
    )


class AskedSilence(Asked):
    """Someone wants quiet for a time."""

    duration_s: int = Field(ge=1, le=3600, description="How long the buzzer stays off; what is new ends it.")


class AskedTest(Asked):
    """Someone wants lamps and buzzer tried."""


class Told(BaseModel):
    """What an alarm is told."""

    by: str = Field(description="The name of the key or user that asked.")
    note: str | None

    @classmethod
    def of(cls, command: AcknowledgeAlarm | SilenceAlarm | TestAlarm) -> Self:
        """The answer to a request that became this command."""
        return cls.model_validate(command, from_attributes=True)


class Acknowledgement(Told):
    """Findings were seen."""

    up_to: UUID | None = Field(
        description="The newest finding that it clears; null where the alarm named none: then findings older than the "
        "request are cleared. All zeros where the alarm said that none waits: then nothing is."
    )


class Silence(Told):
    """Quiet for a time."""

    duration_s: int


class SelfTest(Told):
    """Lamps and buzzer in turn."""


@router.post("/alarms/{device}/acknowledgements", status_code=202, response_model=Acknowledgement)
async def acknowledge_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    asked: AskedAcknowledgement,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Tell one alarm which findings were seen. It goes the same safe way as results: 202 means that it will arrive."""
    command = AcknowledgeAlarm(
        source=gateway.settings.device,
        by=caller.name,
        note=asked.note,
        up_to=asked.up_to or _newest_seen(gateway, device),
        correlation_id=request_id,
    )
    job = _job(caller.name, request_id, idempotency_key, device, asked)
    return await _send(gateway, device, "acknowledgement", command, Acknowledgement.of(command), job)


@router.post("/alarms/{device}/silences", status_code=202, response_model=Silence)
async def silence_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    asked: AskedSilence,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Keep off for a time what one alarm's buzzer sounds now. Its lamps stay, and whatever is new sounds."""
    command = SilenceAlarm(
        source=gateway.settings.device,
        by=caller.name,
        note=asked.note,
        duration_s=asked.duration_s,
        correlation_id=request_id,
    )
    job = _job(caller.name, request_id, idempotency_key, device, asked)
    return await _send(gateway, device, "silence", command, Silence.of(command), job)


@router.post("/alarms/{device}/tests", status_code=202, response_model=SelfTest)
async def try_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    asked: AskedTest,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Let one alarm try its lamps and buzzer in turn; where a finding waits, it does not."""
    command = TestAlarm(source=gateway.settings.device, by=caller.name, note=asked.note, correlation_id=request_id)
    job = _job(caller.name, request_id, idempotency_key, device, asked)
    return await _send(gateway, device, "test", command, SelfTest.of(command), job)


def _newest_seen(gateway: Gateway, device: str) -> UUID | None:
    """The newest finding that an alarm has reported; None where it cannot be told, by an alarm that names none."""
    view = _view(gateway, device)
    is_known = gateway.bus.is_connected and view.is_online and view.state is not None
    if is_known and view.state is not None and not view.state.lamps.red:
        return NOTHING_SEEN  # one that is on its way now was not seen
    return view.latest_finding


def _view(gateway: Gateway, device: str) -> AlarmView:
    view = gateway.alarms.find(device)
    if view is None:
        raise NotFound(f"no alarm {device[:64]!r} was heard of at this site")
    return view


def _job(caller: str, request_id: str, key: str | None, device: str, asked: Asked) -> Job:
    if key is None:
        return Job(caller, request_id)
    # What was asked for, not what became of it: the newest finding may be another one by the time of a repetition.
    fingerprint = fingerprint_of([type(asked).__name__.encode(), device.encode(), asked.model_dump_json().encode()])
    return Job(caller, request_id, Claim(caller, key, 0, fingerprint))


async def _send(gateway: Gateway, device: str, action: Action, command: Message, told: Told, job: Job) -> Response:
    _view(gateway, device)
    message = OutgoingMessage(_TOPICS[action].at(site=gateway.settings.site, device=device), command.to_payload())
    details = {**told.model_dump(mode="json"), "message_id": str(command.message_id)}
    event = AuditEvent(f"alarm.{action}-sent", job.caller, device, command.sent_at, job.request_id, details)

    def do(receipt: Receipt | None) -> None:
        (stored,) = gateway.store.results.add(
            [UnitOfWork(command.sent_at, messages=[message], audit=[event], receipt=receipt)]
        )
        if not stored:
            raise AlreadyDone("another request with this Idempotency-Key was faster")

    body = await idempotent(gateway.store.receipts, job.claim, told.model_dump_json().encode(), command.sent_at, do)
    gateway.outbox.wake()
    return Response(body, 202, media_type="application/json")
