"""Records what alarms did in the audit chain, each action once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from idc_contracts import ALARM_ACTIONS, AlarmActed, Person, utc_now
from idc_gateway import executors
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 10_000
BATCH: Final = 500
_DETAILS = {"message_id", "acted_on", "classification_id", "cleared", "by", "note", "latency_ms", "state", "technical"}
_printable: Final = TypeAdapter(Person)


@dataclass(frozen=True)
class _Report:
    message_id: UUID
    event: AuditEvent
    stored: asyncio.Future[None]


class AlarmActions:
    """The background task that stores the alarms' reports of actions.

    The broker keeps a report until it is stored. One that is delivered again, to this gateway or another one on the
    same database, is not stored again.
    """

    def __init__(
        self, audit: AuditStore, *, store_retry_s: float = 1.0, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._audit = audit
        self._store_retry_s = store_retry_s
        self._clock = clock
        self._waiting: asyncio.Queue[_Report] = asyncio.Queue(MAX_WAITING)
        self.dropped = 0
        """Invalid reports."""

    def receive(self, topic: str, payload: bytes) -> asyncio.Future[None] | None:
        """Queue one message, if it reports an action.

        Returns:
            A future that is done once the report is stored and can be confirmed to the broker; None where there is
            nothing to store. With a full queue it is never done: the broker sends the report again after a reconnect.
        """
        device = ALARM_ACTIONS.device_of(topic)
        if device is None:
            return None
        try:
            acted = AlarmActed.from_payload(payload)
        except ValidationError:
            self.dropped += 1
            logger.warning("dropped an invalid report of %d bytes on %.128r", len(payload), topic)
            return None
        report = _Report(acted.message_id, _event_of(device, acted), asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(report)
        except asyncio.QueueFull:
            logger.warning("a report on %.128r waits at the broker: the queue is full", topic)
        return report.stored

    async def run(self) -> None:
        while True:
            reports = [await self._waiting.get()]
            while len(reports) < BATCH and not self._waiting.empty():
                reports.append(self._waiting.get_nowait())
            await self._write(reports)

    async def _write(self, reports: list[_Report]) -> None:
        events = {report.message_id: report.event for report in reports}
        while True:
            try:
                await executors.background(self._audit.record_once, events, self._clock())
            except StoreUnavailable as exc:
                logger.error("reports of alarms are waiting for the database: %s", exc)  # noqa: TRY400 - one line; it repeats
                await asyncio.sleep(self._store_retry_s)
            else:
                break
        for report in reports:
            if not report.stored.done():
                report.stored.set_result(None)


def _event_of(device: str, acted: AlarmActed) -> AuditEvent:
    details: dict[str, Any] = acted.model_dump(mode="json", include=_DETAILS)
    # Without `acted_on` it was the alarm's own button. A gateway's message has a record `alarm.…-sent` with the same
    # message id and the caller.
    details["via"] = None if acted.by is None else "button" if acted.acted_on is None else "message"
    return AuditEvent(f"alarm.{acted.action}", device, device, acted.sent_at, _request_id(acted), details)


def _request_id(acted: AlarmActed) -> str | None:
    """Any MQTT client may choose it: one that a database or log cannot store is left out."""
    try:
        return None if acted.correlation_id is None else _printable.validate_python(acted.correlation_id)
    except ValidationError:
        return None
