"""The site's alarms as they report themselves: a projection of their retained messages, in memory."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, ServiceStatus

logger = logging.getLogger(__name__)

MAX_ALARMS = 256


@dataclass(frozen=True)
class AlarmView:
    device: str
    status: ServiceStatus | None = None
    state: AlarmState | None = None

    @property
    def is_online(self) -> bool:
        return self.status is not None and self.status.status == "online"


@dataclass
class AlarmBoard:
    on_session_lost: Callable[[], None] = lambda: None
    """Called when an alarm reports that the broker had no session for it: it may have missed messages."""
    on_change: Callable[[], None] = lambda: None
    """Called after each report, and after an alarm was forgotten."""
    rejected_messages: int = 0
    _alarms: dict[str, AlarmView] = field(default_factory=dict)
    """By device, in the order of their latest reports."""

    def receive(self, topic: str, payload: bytes) -> None:
        """Keep one message; an invalid one is counted and dropped."""
        try:
            self._receive(topic, payload)
        except ValidationError as exc:
            self.rejected_messages += 1
            problems = ", ".join(sorted({item["type"] for item in exc.errors()}))
            logger.warning("dropped a message of %d bytes on %.128r: %s", len(payload), topic, problems)

    def _receive(self, topic: str, payload: bytes) -> None:
        if device := ALARM_STATE.device_of(topic):
            # An empty retained message deletes the one before it (MQTT 5, 3.3.1.3).
            self._keep(replace(self._view(device), state=AlarmState.from_payload(payload) if payload else None))
        elif device := ALARM_STATUS.device_of(topic):
            status = ServiceStatus.from_payload(payload) if payload else None
            self._keep(replace(self._view(device), status=status))
            if status and status.status == "online" and status.is_session_new:
                logger.info("alarm %s connected without a session at the broker", device)
                self.on_session_lost()

    def _keep(self, view: AlarmView) -> None:
        self._alarms.pop(view.device, None)
        self.on_change()
        if view.status is None and view.state is None:
            return
        while len(self._alarms) >= MAX_ALARMS:
            # Of too many alarms the ones that report least are forgotten, the oldest first: junk displaces nothing.
            self.forget(min(self._alarms.values(), key=_weight).device)
        self._alarms[view.device] = view

    def _view(self, device: str) -> AlarmView:
        return self._alarms.get(device, AlarmView(device))

    def find(self, device: str) -> AlarmView | None:
        return self._alarms.get(device)

    def forget(self, device: str) -> None:
        """Drop an alarm's reports; its next one brings it back."""
        self._alarms.pop(device, None)
        self.on_change()

    def all(self) -> list[AlarmView]:
        return [self._alarms[device] for device in sorted(self._alarms)]


def _weight(view: AlarmView) -> tuple[bool, bool, bool]:
    is_red = view.state is not None and view.state.lamps.red
    return is_red, view.state is not None and view.status is not None, view.is_online
