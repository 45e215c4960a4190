"""See the alarms, and forget those that are gone."""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmMode, Lamps, TechnicalReason, utc_now
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.alarms.board import AlarmView
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import NotFound
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.web.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.web.routes import alarm_commands

router = APIRouter(tags=["alarms"])
router.include_router(alarm_commands.router)


class AlarmItem(BaseModel):
    """One alarm as it says it is."""

    device: str
    online: bool
    lamps: Lamps | None = Field(description="Null where the alarm has not reported yet.")
    buzzer: bool | None
    state: AlarmMode | None = Field(description="What it shows first of all.")
    latched_by: UUID | None = Field(description="The oldest classification that waits for an acknowledgement.")
    latched_since: datetime | None
    latest_finding: UUID | None = Field(description="The newest finding that waits: acknowledge `up_to` it.")
    findings: int | None = Field(description="How many findings wait.")
    silenced_until: datetime | None
    technical: list[TechnicalReason] = Field(description="Why the alarm cannot vouch for hearing every finding.")
    changed_at: datetime | None

    @classmethod
    def of(cls, view: AlarmView) -> Self:
        """The answer for one alarm."""
        said = vars(view.state) if view.state else dict.fromkeys(cls.model_fields)
        shown = {name: said[name] for name in cls.model_fields if name in said}
        technical = list(view.state.technical) if view.state else []
        return cls.model_validate({**shown, "device": view.device, "online": view.is_online, "technical": technical})


class AlarmList(BaseModel):
    """All alarms of the site that were heard of."""

    broker_connected: bool = Field(description="False: what follows may be old.")
    items: list[AlarmItem]


@router.get("/alarms", dependencies=[Depends(requires(Scope.READ))])
async def list_alarms(gateway: GatewayDependency) -> AlarmList:
    """Each alarm's lamps and buzzer as it reports them."""
    return AlarmList(
        broker_connected=gateway.bus.is_connected, items=[AlarmItem.of(view) for view in gateway.alarms.all()]
    )


@router.delete("/alarms/{device}", status_code=204, dependencies=[Depends(requires(Scope.ADMIN))])
async def forget_alarm(gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, device: str) -> None:
    """Forget an alarm that is gone or has another name now. One that is there returns with its next report."""
    if gateway.alarms.find(device) is None:
        raise NotFound(f"no alarm {device[:64]!r} was heard of at this site")
    now = utc_now()
    # An empty retained message deletes the one before it (MQTT 5, 3.3.1.3); the other gateways hear it too.
    topics = [topic.at(site=gateway.settings.site, device=device) for topic in (ALARM_STATE, ALARM_STATUS)]
    event = AuditEvent("alarm.removed", caller.name, device, now, request_id)
    deed = UnitOfWork(now, messages=[OutgoingMessage(topic, b"") for topic in topics], audit=[event])
    await executors.writes(gateway.store.results.add, [deed])
    gateway.alarms.forget(device)
    gateway.outbox.wake()
