"""Records of the gateway's audit chain."""

from idc_gateway.audit.chain import AuditRecord
from idc_gateway.store import Store


def latest_record(store: Store, action: str) -> AuditRecord | None:
    """The newest record of an action among the last thousand."""
    return next((record for record in store.audit.page(1000) if record.event.action == action), None)
