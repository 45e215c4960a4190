"""The alarm itself: acts on each event once, drives the panel and reports what it did."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from idc_alarm.journal.record import REMEMBERED_IDS, AlarmRecord
from idc_alarm.journal.unreported import UnreportedActions
from idc_alarm.machine.acts import Act
from idc_alarm.machine.condition import restored
from idc_alarm.machine.events import Classified, Commanded, Event, Moment
from idc_alarm.machine.policy import after
from idc_alarm.machine.rules import Rules
from idc_alarm.machine.signals import Signals, mode, next_change_s, signals
from idc_alarm.machine.supervision import is_clock_trusted, offline_gateways
from idc_contracts import AlarmActed, AlarmState, utc_now
from idc_contracts.base import Message

logger = logging.getLogger(__name__)

REPORTED_GATEWAYS = 32


class AlarmPanel(Protocol):
    """Three lamps, a buzzer and a button. Only the controller's thread uses it."""

    def show(self, signals: Signals) -> None:
        """Drive all outputs. What goes dark does so before anything is lit.

        Raises:
            PanelFailed: An output could not be driven.
        """

    def keep_alive(self) -> None:
        """Report that the controller runs; otherwise the panel shows a technical alarm after a while.

        Raises:
            PanelFailed: An output could not be driven since the last call.
        """

    def presses(self) -> Sequence[float]:
        """When the button was pressed since the last call, in monotonic seconds."""

    def close(self) -> None:
        """Switch everything off and release the pins."""


class Alarm:
    """Lamps, buzzer and memory of one device."""

    def __init__(
        self,
        panel: AlarmPanel,
        record: AlarmRecord,
        *,
        device: str,
        rules: Rules,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._panel = panel
        self._device = device
        self._rules = rules
        self._clock = clock
        self._monotonic = monotonic
        now = self._now()
        self._situation = restored(record.condition, record.changed_at, now)
        self._shown = signals(self._situation, now, rules)
        self.changed_at = now.at
        """When the outputs last changed."""
        self._recent_ids = dict.fromkeys(record.recent_ids)
        self.unreported = UnreportedActions(record.unreported)
        self.rejected_messages = 0
        self.revision = 0
        """Counts the changes of the record."""
        self._cause: str | None = None

    @property
    def record(self) -> AlarmRecord:
        """What the journal must hold."""
        return AlarmRecord(
            condition=self._situation.condition,
            changed_at=self.changed_at,
            recent_ids=tuple(self._recent_ids),
            unreported=self.unreported.actions,
        )

    @property
    def state(self) -> AlarmState:
        now, situation = self._now(), self._situation
        return AlarmState(
            sent_at=now.at,
            source=self._device,
            correlation_id=self._cause,
            lamps=self._shown.lamps,
            buzzer=self._shown.is_buzzing,
            state=mode(situation),
            latched_by=situation.condition.latched_by,
            latched_since=situation.condition.latched_since,
            latest_finding=situation.condition.latest_finding,
            findings=sum(finding.count for finding in situation.condition.findings),
            silenced_until=situation.silenced_until(now),
            technical=situation.technical,
            offline_gateways=offline_gateways(situation.supervision, self._rules)[:REPORTED_GATEWAYS],
            last_classification=situation.condition.last_classification,
            changed_at=self.changed_at,
            rejected_messages=self.rejected_messages,
        )

    @property
    def next_change_s(self) -> float | None:
        """Seconds until an output may change without an event; None if it will not."""
        return next_change_s(self._situation, self._now(), self._rules)

    def show(self) -> None:
        self._shown = signals(self._situation, self._now(), self._rules)
        self._panel.show(self._shown)

    def act(self, event: Event) -> list[AlarmActed]:
        """Act on an event and return what was done: nothing for a message that was acted on before.

        Raises:
            PanelFailed: An output could not be driven.
        """
        message = event.message if isinstance(event, Classified | Commanded) else None
        if message is not None and message.message_id in self._recent_ids:
            logger.info("ignored a message that was seen before", extra={"message_id": message.message_id})
            return []
        now, before = self._now(), self._situation.condition
        self._situation, acts = after(self._situation, event, now, self._rules)
        self._drive(signals(self._situation, now, self._rules))
        if message is not None:
            self._remember(message)
        if acts or message is not None or self._situation.condition != before:
            self.revision += 1
        actions = [self._acted(act, event, message) for act in acts]
        self.unreported.add(actions)
        return actions

    def _now(self) -> Moment:
        return Moment(self._clock(), self._monotonic())

    def _drive(self, wanted: Signals) -> None:
        if wanted != self._shown:
            self._panel.show(wanted)
            self._shown = wanted
            self.changed_at = self._clock()

    def _remember(self, message: Message) -> None:
        self._cause = message.correlation_id or str(message.message_id)
        self._recent_ids[message.message_id] = None
        while len(self._recent_ids) > REMEMBERED_IDS:
            del self._recent_ids[next(iter(self._recent_ids))]

    def _acted(self, act: Act, event: Event, message: Message | None) -> AlarmActed:
        cause = message if act.is_cause else None
        acted = AlarmActed(
            sent_at=self._clock(),
            source=self._device,
            correlation_id=self._cause if cause is not None else None,
            action=act.action,
            state=mode(self._situation),
            acted_on=None if cause is None else cause.message_id,
            classification_id=act.classification_id,
            cleared=act.cleared,
            by=act.by,
            note=act.note,
            technical=self._situation.technical,
            latency_ms=None if cause is None else self._latency_ms(cause, event),
        )
        _log(acted, self._shown)
        return acted

    def _latency_ms(self, message: Message, event: Event) -> float | None:
        gateway = event.gateway if isinstance(event, Classified) else None
        latency_ms = (self._clock() - message.sent_at).total_seconds() * 1000
        is_trusted = is_clock_trusted(self._situation.supervision, gateway, self._rules)
        return round(latency_ms, 3) if is_trusted and latency_ms >= 0.0 else None


def _log(acted: AlarmActed, shown: Signals) -> None:
    fields = acted.model_dump(mode="json", include={"acted_on", "classification_id", "correlation_id", "technical"})
    lamps = shown.lamps.model_dump() | {"buzzer": shown.is_buzzing, "latency_ms": acted.latency_ms}
    by = "" if acted.by is None else f" by {acted.by!r}"
    logger.info("%s%s", acted.action, by, extra={**fields, **lamps, "state": acted.state})
