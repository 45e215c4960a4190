"""The caller of a request."""

from dataclasses import dataclass

from idc_gateway.idempotency.receipts import Claim


@dataclass(frozen=True)
class Job:
    """One request, or one part of it, to change what is stored."""

    caller: str
    """The name of the key or user."""
    request_id: str
    claim: Claim | None = None
    """Where it must be done once only."""
