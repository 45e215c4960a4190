"""Whether a device is online."""

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
        description="The device repeats `online` at least this often; null if it publishes it only when it connects.",
    )
    is_session_new: bool = Field(
        default=False,
        description="The broker kept no session for the device: messages published while it was offline are lost.",
    )
