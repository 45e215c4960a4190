"""Commands for one alarm, stored in the outbox with their audit record: 202 means that they will arrive."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_SILENCES,
    ALARM_STATE,
    ALARM_STATUS,
    ALARM_TESTS,
    NOTHING_SEEN,
    AcknowledgeAlarm,
    SilenceAlarm,
    TestAlarm,
    Topic,
    utc_now,
)
from idc_gateway import executors
from idc_gateway.alarms.board import AlarmBoard, AlarmView
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import AlreadyDone, NotFound
from idc_gateway.idempotency.idempotent import idempotent
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import Receipt
from idc_gateway.idempotency.receipts_store import ReceiptsStore
from idc_gateway.messages.outbox import Outbox
from idc_gateway.messages.ports import Bus, OutgoingMessage
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.results.unit_of_work import UnitOfWork

Command = AcknowledgeAlarm | SilenceAlarm | TestAlarm
_ACTIONS: Final[dict[type[Command], tuple[str, Topic]]] = {
    AcknowledgeAlarm: ("acknowledgement", ALARM_ACKNOWLEDGEMENTS),
    SilenceAlarm: ("silence", ALARM_SILENCES),
    TestAlarm: ("test", ALARM_TESTS),
}
"""What the audit chain calls a command, and its topic."""


@dataclass(frozen=True)
class AlarmCommands:
    """Sends commands to alarms, and forgets alarms."""

    board: AlarmBoard
    bus: Bus
    outbox: Outbox
    store: ResultsStore
    receipts: ReceiptsStore
    site: str

    async def send(self, device: str, command: Command, answer: dict[str, Any], job: Job) -> bytes:
        """Store a command for the outbox; returns what is answered, also to a repeated request.

        Raises NotFound where the alarm is unknown, and KeyReused where the job's key was used for another command.
        """
        self.known(device)
        action, topic = _ACTIONS[type(command)]
        message = OutgoingMessage(topic.at(site=self.site, device=device), command.to_payload())
        details = {**answer, "message_id": str(command.message_id)}
        event = AuditEvent(f"alarm.{action}-sent", job.caller, device, command.sent_at, job.request_id, details)

        def store(receipt: Receipt | None) -> None:
            unit = UnitOfWork(command.sent_at, messages=[message], audit=[event], receipt=receipt)
            if not all(self.store.add([unit])):
                raise AlreadyDone("another request with this Idempotency-Key was faster")

        body = await idempotent(self.receipts, job.claim, json.dumps(answer).encode(), command.sent_at, store)
        self.outbox.wake()
        return body

    async def forget(self, device: str, job: Job) -> None:
        """Delete what an alarm reported, for all gateways; its next report brings it back. Raises NotFound."""
        self.known(device)
        now = utc_now()
        # An empty retained message deletes the one before it (MQTT 5, 3.3.1.3).
        messages = [OutgoingMessage(t.at(site=self.site, device=device), b"") for t in (ALARM_STATE, ALARM_STATUS)]
        event = AuditEvent("alarm.removed", job.caller, device, now, job.request_id)
        await executors.writes(self.store.add, [UnitOfWork(now, messages=messages, audit=[event])])
        self.board.forget(device)
        self.outbox.wake()

    def newest_finding(self, device: str) -> UUID | None:
        """The newest finding that an alarm has reported; None where the finding is unknown. Raises NotFound."""
        view = self.known(device)
        if view.state is None:
            return None
        if self.bus.is_connected and view.is_online and not view.state.lamps.red:
            return NOTHING_SEEN  # a finding that is on its way now was not seen
        return view.state.latest_finding

    def known(self, device: str) -> AlarmView:
        """What an alarm reported; raises NotFound where it has not."""
        view = self.board.find(device)
        if view is None:
            raise NotFound(f"no alarm {device[:64]!r} has reported at this site")
        return view
