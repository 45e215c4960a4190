"""What is stored in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.idempotency.receipts import Receipt
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.classifications import Classification


@dataclass(frozen=True)
class NewImage:
    """An image in the image store."""

    sha256: str
    media_type: str
    size_bytes: int
    object_name: str = ""
    """What it is called in the image store; empty where that is its digest."""
    is_new: bool = True
    """Whether this name was made for it; else the name was that of the same image, which was stored before."""

    @property
    def stored_as(self) -> str:
        return self.object_name or self.sha256


@dataclass(frozen=True)
class UnitOfWork:
    """What is stored in one transaction."""

    at: datetime
    results: Sequence[Classification] = ()
    images: Sequence[NewImage] = ()
    messages: Sequence[OutgoingMessage] = ()
    audit: Sequence[AuditEvent] = field(default=())
    receipt: Receipt | None = None
    device: str | None = None
    """Signs in the audit chain that the results come from another model than those before; None tells nothing of it."""

    @property
    def once_keys(self) -> list[str]:
        """The keys of results that may be stored only once."""
        return [result.once_key for result in self.results if result.once_key is not None]
