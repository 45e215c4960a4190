"""The alarms as they report themselves."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from idc_contracts import AlarmMode, Lamps, TechnicalReason
from idc_gateway.access.scopes import Scope
from idc_gateway.alarms.board import AlarmView
from idc_gateway.web.dependencies import AlarmsDep, CurrentJob, MessagesDep, requires
from idc_gateway.web.routes import alarm_commands

router = APIRouter(tags=["alarms"])
router.include_router(alarm_commands.router)


class AlarmItem(BaseModel):
    """One alarm as it reports itself."""

    device: str
    online: bool
    lamps: Lamps | None = Field(description="Null if the alarm has not reported yet.")
    buzzer: bool | None
    state: AlarmMode | None = Field(description="The most urgent state that it shows.")
    latched_by: UUID | None = Field(description="The oldest unacknowledged classification.")
    latched_since: datetime | None
    latest_finding: UUID | None = Field(description="The newest unacknowledged finding: acknowledge `up_to` it.")
    findings: int | None = Field(description="Number of unacknowledged findings.")
    silenced_until: datetime | None
    technical: list[TechnicalReason] = Field(description="Why the alarm may miss findings.")
    changed_at: datetime | None
    version: str | None = Field(description="Of its program; null if it has not said.")

    @classmethod
    def of(cls, view: AlarmView) -> Self:
        reported = vars(view.state) if view.state else {"technical": ()}
        fields = {name: reported.get(name) for name in cls.model_fields}
        version = view.status.version if view.status else None
        return cls.model_validate({**fields, "device": view.device, "online": view.is_online, "version": version})


class AlarmList(BaseModel):
    """All alarms of the site that have reported."""

    broker_connected: bool = Field(description="If false, the reports may be outdated.")
    items: list[AlarmItem]

    @classmethod
    def of(cls, views: Iterable[AlarmView], *, broker_connected: bool) -> Self:
        return cls(broker_connected=broker_connected, items=[AlarmItem.of(view) for view in views])


@router.get("/alarms", dependencies=[Depends(requires(Scope.READ))])
async def list_alarms(alarms: AlarmsDep, messages: MessagesDep) -> AlarmList:
    """Each alarm's lamps and buzzer as it reports them."""
    return AlarmList.of(alarms.board.all(), broker_connected=messages.bus.is_connected)


@router.delete("/alarms/{device}", status_code=204, dependencies=[Depends(requires(Scope.ADMIN))])
async def forget_alarm(alarms: AlarmsDep, job: CurrentJob, device: str) -> None:
    """Forget an alarm that was removed or renamed. One that still runs returns with its next report."""
    await alarms.commands.forget(device, job)
