"""See the alarms, and tell them something."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_TESTS,
    AcknowledgeAlarm,
    AlarmMode,
    Lamps,
    Message,
    SilenceAlarm,
    TechnicalReason,
    TestAlarm,
    Topic,
)
from idc_gateway.alarms import AlarmView
from idc_gateway.audit import AuditEvent
from idc_gateway.classifications import OutgoingMessage
from idc_gateway.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId, requires
from idc_gateway.errors import AlreadyDone, NotFound
from idc_gateway.once import do_once
from idc_gateway.queries import Deed
from idc_gateway.receipts import Claim, Receipt, fingerprint_of
from idc_gateway.requests import Request as Job
from idc_gateway.routes.parameters import IdempotencyKey
from idc_gateway.scopes import Scope

router = APIRouter(tags=["alarms"])
_commands = [Depends(requires(Scope.ALARM))]
PERSON_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"


class AlarmItem(BaseModel):
    """One alarm as it says it is."""

    device: str
    online: bool
    lamps: Lamps | None = Field(description="Null where the alarm has not reported yet.")
    buzzer: bool | None
    state: AlarmMode | None = Field(description="What it shows first of all.")
    latched_by: UUID | None = Field(description="The classification that waits for an acknowledgement.")
    latched_since: datetime | None
    silenced_until: datetime | None
    technical: list[TechnicalReason] = Field(description="Why the alarm cannot vouch for hearing every finding.")
    changed_at: datetime | None

    @classmethod
    def of(cls, view: AlarmView) -> Self:
        """The answer for one alarm."""
        said = vars(view.state) if view.state else dict.fromkeys(cls.model_fields)
        shown = {name: said[name] for name in cls.model_fields if name in said}
        online = view.status is not None and view.status.status == "online"
        technical = list(view.state.technical) if view.state else []
        return cls.model_validate({**shown, "device": view.device, "online": online, "technical": technical})


class AlarmList(BaseModel):
    """All alarms of the site that were heard of."""

    broker_connected: bool = Field(description="False: what follows may be old.")
    items: list[AlarmItem]


class Acknowledgement(BaseModel):
    """Someone saw the finding."""

    by: str = Field(
        min_length=1, max_length=128, pattern=PERSON_PATTERN, description="Who, as the alarm's log says it."
    )


class Silence(Acknowledgement):
    """Someone wants quiet for a time."""

    duration_s: int = Field(ge=1, le=3600, description="How long the buzzer stays off; a new finding ends it.")


class SelfTest(Acknowledgement):
    """Someone wants lamps and buzzer tried."""


_ACTIONS: Final[dict[type[Acknowledgement], str]] = {
    Acknowledgement: "alarm.acknowledgement-sent",
    Silence: "alarm.silence-sent",
    SelfTest: "alarm.test-sent",
}


@router.get("/alarms", dependencies=[Depends(requires(Scope.READ))])
async def list_alarms(gateway: GatewayDependency) -> AlarmList:
    """Each alarm's lamps and buzzer as it reports them."""
    return AlarmList(
        broker_connected=gateway.bus.is_connected, items=[AlarmItem.of(view) for view in gateway.alarms.all()]
    )


@router.post(
    "/alarms/{device}/acknowledgements", status_code=202, response_model=Acknowledgement, dependencies=_commands
)
async def acknowledge_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    acknowledgement: Acknowledgement,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Tell one alarm that its finding was seen. It goes the same safe way as results: 202 means that it will arrive."""
    command = AcknowledgeAlarm(source=gateway.settings.device, by=acknowledgement.by, correlation_id=request_id)
    job = _job(caller.name, request_id, idempotency_key, device, acknowledgement)
    return await _send(gateway, device, ALARM_ACKNOWLEDGEMENTS, command, acknowledgement, job)


@router.post("/alarms/{device}/silences", status_code=202, response_model=Silence, dependencies=_commands)
async def silence_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    silence: Silence,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Keep one alarm's buzzer off for a time. Its lamps stay; a new finding ends the silence."""
    command = SilenceAlarm(
        source=gateway.settings.device, by=silence.by, duration_s=silence.duration_s, correlation_id=request_id
    )
    job = _job(caller.name, request_id, idempotency_key, device, silence)
    return await _send(gateway, device, ALARM_SILENCES, command, silence, job)


@router.post("/alarms/{device}/tests", status_code=202, response_model=SelfTest, dependencies=_commands)
async def try_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    test: SelfTest,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Let one alarm try its lamps and buzzer in turn; where a finding waits, it does not."""
    command = TestAlarm(source=gateway.settings.device, by=test.by, correlation_id=request_id)
    job = _job(caller.name, request_id, idempotency_key, device, test)
    return await _send(gateway, device, ALARM_TESTS, command, test, job)


def _job(caller: str, request_id: str, key: str | None, device: str, asked: Acknowledgement) -> Job:
    if key is None:
        return Job(caller, request_id)
    fingerprint = fingerprint_of([type(asked).__name__.encode(), device.encode(), asked.model_dump_json().encode()])
    return Job(caller, request_id, Claim(caller, key, 0, fingerprint))


async def _send(
    gateway: Gateway, device: str, topic: Topic, command: Message, asked: Acknowledgement, job: Job
) -> Response:
    if device not in {view.device for view in gateway.alarms.all()}:
        raise NotFound(f"no alarm {device[:64]!r} was heard of at this site")
    message = OutgoingMessage(topic.at(site=gateway.settings.site, device=device), command.to_payload())
    details = asked.model_dump()
    event = AuditEvent(_ACTIONS[type(asked)], job.caller, device, command.sent_at, job.request_id, details)

    def do(receipt: Receipt | None) -> None:
        (stored,) = gateway.store.results.add(
            [Deed(command.sent_at, messages=[message], audit=[event], receipt=receipt)]
        )
        if not stored:
            raise AlreadyDone("another request with this Idempotency-Key was faster")

    answer = asked.model_dump_json().encode()
    body = await do_once(gateway.store.receipts, job.claim, answer, command.sent_at, do)
    gateway.outbox.wake()
    return Response(body, 202, media_type="application/json")
