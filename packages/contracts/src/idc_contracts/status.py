"""Whether a device is there."""

from typing import Literal

from pydantic import Field

from idc_contracts.base import Message


class ServiceStatus(Message):
    """A device's presence, retained; the broker publishes `offline` as the last will of a lost connection."""

    status: Literal["online", "offline"]
    version: str = Field(max_length=32, description="The service's own version.")
    repeat_s: int | None = Field(
        default=None,
        ge=1,
        le=3600,
        description="The device says `online` again at least so often; null where it says so only when it connects.",
    )
    is_session_new: bool = Field(
        default=False,
        description="The broker kept no session for the device: what was published while it was away did not reach it.",
    )
