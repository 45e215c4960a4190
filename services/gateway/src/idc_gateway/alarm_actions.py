"""Writes what alarms did into the audit chain."""

import asyncio
import logging
from typing import Final

from pydantic import ValidationError

from idc_contracts import ALARM_ACTIONS, AlarmActed
from idc_gateway import executors
from idc_gateway.audit import AuditEvent
from idc_gateway.errors import StoreUnavailable
from idc_gateway.leadership import Leadership
from idc_gateway.store_ports import AuditTrail

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 10_000
BATCH: Final = 500


class AlarmActions:
    """The background task between the alarms' reports and the chain."""

    def __init__(self, audit: AuditTrail, leadership: Leadership, *, store_retry_s: float = 1.0) -> None:
        """Make the task; of several gateways with one database the one that publishes writes."""
        self._audit = audit
        self._leadership = leadership
        self._store_retry_s = store_retry_s
        self._waiting: asyncio.Queue[AuditEvent] = asyncio.Queue(MAX_WAITING)
        self.dropped = 0
        """Reports that could not be read, or for which there was no room."""

    def take(self, topic: str, payload: bytes) -> None:
        """Take in one message; what is no report of an action is left alone."""
        device = ALARM_ACTIONS.device_of(topic)
        if device is None:
            return
        try:
            self._waiting.put_nowait(_event_of(device, AlarmActed.from_payload(payload)))
        except (ValidationError, asyncio.QueueFull) as exc:
            self.dropped += 1
            logger.warning("dropped a report of %d bytes on %.128r: %s", len(payload), topic, type(exc).__name__)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            events = [await self._waiting.get()]
            while len(events) < BATCH and not self._waiting.empty():
                events.append(self._waiting.get_nowait())
            await self._write(events)

    async def _write(self, events: list[AuditEvent]) -> None:
        while True:
            try:
                if await executors.background(self._leadership.hold):
                    await executors.background(self._audit.record, events)
            except StoreUnavailable as exc:
                logger.error("what alarms did waits for the database: %s", exc)  # noqa: TRY400 - one line; it comes again
                await asyncio.sleep(self._store_retry_s)
            else:
                return


def _event_of(device: str, acted: AlarmActed) -> AuditEvent:
    details = acted.model_dump(
        mode="json", include={"message_id", "acted_on", "classification_id", "by", "latency_ms", "state", "technical"}
    )
    return AuditEvent(f"alarm.{acted.action}", device, device, acted.sent_at, acted.correlation_id, details)
