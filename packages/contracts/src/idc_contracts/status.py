"""Whether a device is there."""

from typing import Literal

from pydantic import Field

from idc_contracts.base import Message


class ServiceStatus(Message):
    """A device's presence, retained; the broker publishes `offline` as the last will of a lost connection."""

    status: Literal["online", "offline"]
    version: str = Field(max_length=32, description="The service's own version.")
