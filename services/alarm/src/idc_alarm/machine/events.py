"""Everything that can happen to an alarm, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from idc_contracts import AcknowledgeAlarm, PatchClassified, ServiceStatus, SilenceAlarm, SlideScreened, TestAlarm

Command: TypeAlias = AcknowledgeAlarm | SilenceAlarm | TestAlarm


@dataclass(frozen=True)
class Moment:
    """One instant, by the wall clock, which may jump, and by the monotonic clock."""

    at: datetime
    monotonic_s: float


@dataclass(frozen=True)
class Started:
    """The alarm's process started."""


@dataclass(frozen=True)
class TimePassed:
    """Nothing else happened."""


@dataclass(frozen=True)
class ButtonPressed:
    """Somebody pressed the alarm's own button. `pressed_s`: when, on the monotonic clock; None: now."""

    pressed_s: float | None = None


@dataclass(frozen=True)
class ConnectionChanged:
    """The connection to the broker, subscriptions included, came up or went down."""

    is_up: bool


@dataclass(frozen=True)
class JournalChanged:
    """The journal became writable, or ceased to be."""

    is_working: bool


@dataclass(frozen=True)
class GatewayReported:
    """A gateway, named `site/device`, reported its status. `is_live`: sent now, not kept by the broker."""

    gateway: str
    status: ServiceStatus
    is_live: bool


@dataclass(frozen=True)
class GatewayForgotten:
    """Somebody deleted a gateway's retained status: it was removed permanently."""

    gateway: str


@dataclass(frozen=True)
class Classified:
    """A gateway, named `site/device`, has a patch's or slide's result. `is_live`: sent now, not kept by the broker.

    One decision stands for a whole slide, and counts as a patch's does.
    """

    gateway: str
    message: PatchClassified | SlideScreened
    is_live: bool

    @property
    def result_id(self) -> UUID:
        """The id of the classification or of the slide, by which a finding is acknowledged."""
        return self.message.slide_id if isinstance(self.message, SlideScreened) else self.message.classification_id


@dataclass(frozen=True)
class Commanded:
    """Somebody sent a command over the broker. `is_live`: sent now, not kept by the broker."""

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
