"""Changes of the model between results."""

from collections.abc import Iterator
from typing import Final

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.results.unit_of_work import UnitOfWork

MODEL_CHANGED: Final = "model.changed"


def with_model_changes(before: str, units: list[UnitOfWork]) -> Iterator[AuditEvent]:
    """The audit events of units of work, each change of the model before the results that came with it.

    Args:
        before: The digest in the chain's latest change, of any gateway; none may be added before these are written.
        units: In the order in which they are stored.
    """
    for unit in units:
        for model in (result.model for result in unit.results):
            if unit.device is not None and model.sha256 != before:
                details = {"sha256": model.sha256, "version": model.version, "before_sha256": before}
                yield AuditEvent(MODEL_CHANGED, unit.device, model.name, unit.at, details=details)
                before = model.sha256
        yield from unit.audit
