"""The alarm itself: acts on each event once and drives the panel."""

import logging
from collections.abc import Callable
from datetime import datetime

from idc_alarm.policy import Event, Outputs, after, outputs, restored
from idc_alarm.ports import AlarmPanel
from idc_alarm.record import REMEMBERED_IDS, AlarmRecord
from idc_contracts import AcknowledgeAlarm, AlarmState, PatchClassified, utc_now

logger = logging.getLogger(__name__)


class Alarm:
    """Lamps, buzzer and memory of one device."""

    def __init__(
        self, panel: AlarmPanel, record: AlarmRecord, *, device: str, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._panel = panel
        self._device = device
        self._clock = clock
        self._condition = restored(record.condition)
        is_same = outputs(self._condition) == outputs(record.condition)
        self._changed_at = record.changed_at if is_same else clock()
        self._recent_ids = dict.fromkeys(record.recent_ids)
        self._rejected_messages = 0
        self._cause: str | None = None

    @property
    def record(self) -> AlarmRecord:
        """What must be written down."""
        return AlarmRecord(condition=self._condition, changed_at=self._changed_at, recent_ids=tuple(self._recent_ids))

    @property
    def state(self) -> AlarmState:
        """What the alarm reports of itself."""
        shown = outputs(self._condition)
        return AlarmState(
            sent_at=self._clock(),
            source=self._device,
            correlation_id=self._cause,
            lamps=shown.lamps,
            buzzer=shown.buzzer,
            latched_by=self._condition.latched_by,
            last_classification=self._condition.last_classification,
            changed_at=self._changed_at,
            rejected_messages=self._rejected_messages,
        )

    def show(self) -> None:
        """Drive the panel as the condition says.

        Raises:
            PanelFailed: An output could not be driven.
        """
        self._drive(outputs(self._condition))

    def go_dark(self) -> None:
        """Put out everything and let the pins go; the condition stays in the journal for the next start."""
        self._panel.close()

    def act(self, event: Event) -> bool:
        """Act on an event; False where it was acted on before.

        Raises:
            PanelFailed: An output could not be driven.
        """
        if event.message_id in self._recent_ids:
            logger.info("ignored an event that was seen before", extra={"message_id": event.message_id})
            return False
        before = outputs(self._condition)
        self._condition = after(self._condition, event)
        shown = outputs(self._condition)
        if shown != before:
            self._changed_at = self._clock()
        self._drive(shown)
        self._remember(event)
        _log(event, shown)
        return True

    def count_rejected(self) -> None:
        """Count a message that could not be read."""
        self._rejected_messages += 1

    def _drive(self, wanted: Outputs) -> None:
        self._panel.show(wanted.lamps, buzzer=wanted.buzzer)

    def _remember(self, event: Event) -> None:
        self._cause = event.correlation_id or str(event.message_id)
        self._recent_ids[event.message_id] = None
        while len(self._recent_ids) > REMEMBERED_IDS:
            del self._recent_ids[next(iter(self._recent_ids))]


def _log(event: Event, shown: Outputs) -> None:
    fields: dict[str, object] = {
        "message_id": event.message_id,
        "correlation_id": event.correlation_id,
        "buzzer": shown.buzzer,
        **shown.lamps.model_dump(),
    }
    match event:
        case AcknowledgeAlarm(by=by):
            logger.info("acknowledged by %r", by, extra=fields)
        case PatchClassified(classification_id=classification_id, decision=decision):
            logger.info("acted on %s", decision, extra={**fields, "classification_id": classification_id})
