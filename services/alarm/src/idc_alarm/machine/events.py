"""Everything that can happen to an alarm, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from idc_contracts import AcknowledgeAlarm, PatchClassified, ServiceStatus, SilenceAlarm, TestAlarm

Command: TypeAlias = AcknowledgeAlarm | SilenceAlarm | TestAlarm
"""What people and other systems can tell an alarm."""


@dataclass(frozen=True)
class Moment:
    """One instant, by both clocks: one that people set and that may jump, and one that only goes forward."""

    at: datetime
    monotonic_s: float


@dataclass(frozen=True)
class Started:
    """The alarm's process began."""


@dataclass(frozen=True)
class TimePassed:
    """Nothing else happened."""


@dataclass(frozen=True)
class ButtonPressed:
    """Somebody pressed the alarm's own button. `pressed_s`: when, on the monotonic clock; None: just now."""

    pressed_s: float | None = None


@dataclass(frozen=True)
class ConnectionChanged:
    """The alarm began or ceased to hear the broker."""

    is_up: bool


@dataclass(frozen=True)
class JournalChanged:
    """The journal began or ceased to work."""

    is_working: bool


@dataclass(frozen=True)
class GatewayReported:
    """A gateway, named `site/device`, said whether it is there. `is_live`: just now, not kept for us by the broker."""

    gateway: str
    status: ServiceStatus
    is_live: bool


@dataclass(frozen=True)
class GatewayForgotten:
    """Somebody deleted a gateway's retained status: it is gone for good."""

    gateway: str


@dataclass(frozen=True)
class Classified:
    """A gateway, named `site/device`, classified a patch. `is_live`: it was not kept for us by the broker."""

    gateway: str
    message: PatchClassified
    is_live: bool


@dataclass(frozen=True)
class Commanded:
    """Somebody gave a command over the broker. `is_live`: it was not kept for us by the broker."""

    message: Command
    is_live: bool = True


Event: TypeAlias = (
    Started
    | TimePassed
    | ButtonPressed
    | ConnectionChanged
    | JournalChanged
    | GatewayReported
    | GatewayForgotten
    | Classified
    | Commanded
)
