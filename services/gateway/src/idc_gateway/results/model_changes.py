"""That results come from another model than those before."""

from collections.abc import Iterator
from typing import Final

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.results.queries import Deed

MODEL_CHANGED: Final = "model.changed"


def told_with_models(latest: AuditEvent | None, deeds: list[Deed]) -> Iterator[AuditEvent]:
    """What deeds tell the audit chain, each change of the model before the results that came with it.

    Args:
        latest: The chain's latest change, whichever gateway told it; nobody may add one before these are written.
        deeds: What is stored, in its order.
    """
    before = latest.details["sha256"] if latest else ""
    for deed in deeds:
        for model in (result.model for result in deed.results):
            if deed.device is not None and model.sha256 != before:
                details = {"sha256": model.sha256, "version": model.version, "before_sha256": before}
                yield AuditEvent(MODEL_CHANGED, deed.device, model.name, deed.at, details=details)
                before = model.sha256
        yield from deed.audit
