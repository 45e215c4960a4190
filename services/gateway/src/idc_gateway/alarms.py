"""What the alarms of the site say of themselves: a projection of their retained messages, in memory."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, ServiceStatus

logger = logging.getLogger(__name__)

MAX_ALARMS = 256


@dataclass(frozen=True)
class AlarmView:
    """The latest word of one alarm."""

    device: str
    status: ServiceStatus | None = None
    state: AlarmState | None = None


@dataclass
class AlarmBoard:
    """All alarms of the site."""

    on_session_lost: Callable[[], None] = lambda: None
    """Called when an alarm says that the broker had no session for it: it may have missed messages."""
    rejected_messages: int = 0
    _alarms: dict[str, AlarmView] = field(default_factory=dict)

    def take(self, topic: str, payload: bytes) -> None:
        """Take in one message; one that cannot be read is counted and dropped."""
        try:
            self._take(topic, payload)
        except ValidationError as exc:
            self.rejected_messages += 1
            problems = ", ".join(sorted({item["type"] for item in exc.errors()}))
            logger.warning("dropped a message of %d bytes on %.128r: %s", len(payload), topic, problems)

    def _take(self, topic: str, payload: bytes) -> None:
        if (device := ALARM_STATE.device_of(topic)) and self._has_room(device):
            state = AlarmState.from_payload(payload)
            self._alarms[device] = replace(self._view(device), state=state)
        elif (device := ALARM_STATUS.device_of(topic)) and self._has_room(device):
            status = ServiceStatus.from_payload(payload)
            self._alarms[device] = replace(self._view(device), status=status)
            if status.status == "online" and status.is_session_new:
                logger.info("alarm %s came without a session at the broker", device)
                self.on_session_lost()

    def _has_room(self, device: str) -> bool:
        return device in self._alarms or len(self._alarms) < MAX_ALARMS

    def _view(self, device: str) -> AlarmView:
        return self._alarms.get(device, AlarmView(device))

    def all(self) -> list[AlarmView]:
        """Every alarm that was heard of, by name."""
        return [self._alarms[device] for device in sorted(self._alarms)]
