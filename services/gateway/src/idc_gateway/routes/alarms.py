"""See the alarms, and acknowledge."""

import asyncio

from fastapi import APIRouter

from idc_contracts import ALARM_ACKNOWLEDGEMENTS, AcknowledgeAlarm
from idc_gateway.audit import AuditEvent
from idc_gateway.classifications import OutgoingMessage
from idc_gateway.dependencies import CurrentCaller, GatewayDependency, RequestId
from idc_gateway.errors import NotFound
from idc_gateway.queries import Deed
from idc_gateway.routes.schemas import Acknowledgement, AlarmItem, AlarmList

router = APIRouter(tags=["alarms"])


@router.get("/alarms")
async def list_alarms(gateway: GatewayDependency) -> AlarmList:
    """Each alarm's lamps and buzzer as it reports them."""
    return AlarmList(
        broker_connected=gateway.bus.is_connected, items=[AlarmItem.of(view) for view in gateway.alarms.all()]
    )


@router.post("/alarms/{device}/acknowledgements", status_code=202)
async def acknowledge_alarm(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    device: str,
    acknowledgement: Acknowledgement,
) -> Acknowledgement:
    """Tell one alarm that its finding was seen. It goes the same safe way as results: 202 means that it will arrive."""
    if device not in {view.device for view in gateway.alarms.all()}:
        raise NotFound(f"no alarm {device[:64]!r} was heard of at this site")
    settings = gateway.settings
    command = AcknowledgeAlarm(source=settings.device, by=acknowledgement.by, correlation_id=request_id)
    topic = ALARM_ACKNOWLEDGEMENTS.at(site=settings.site, device=device)
    event = AuditEvent(
        "alarm.acknowledged", caller.name, device, command.sent_at, request_id, {"by": acknowledgement.by}
    )
    deed = Deed(command.sent_at, messages=[OutgoingMessage(topic, command.to_payload())], audit=[event])
    await asyncio.to_thread(gateway.store.results.add, deed)
    gateway.outbox.wake()
    return acknowledgement
