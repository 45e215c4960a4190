"""Read and verify the audit chain."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.chain import AuditRecord, Verification
from idc_gateway.errors import Busy, StoreUnavailable
from idc_gateway.web.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.web.routes.parameters import Limit

router = APIRouter(tags=["audit"], dependencies=[Depends(requires(Scope.AUDIT))])

_LARGEST = 2**31 - 1


class AuditItem(BaseModel):
    """One record of the chain."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    request_id: str | None
    details: dict[str, Any]
    previous_sha256: str
    sha256: str

    @classmethod
    def of(cls, record: AuditRecord) -> "AuditItem":
        """The answer for a stored record."""
        return cls.model_validate({**vars(record), **vars(record.event)})


class AuditPage(BaseModel):
    """Records, newest first."""

    items: list[AuditItem]
    next_cursor: str | None = Field(description="Give it as `cursor` to read on; null at the end.")


class AuditVerification(BaseModel):
    """What a walk along the whole chain found."""

    intact: bool
    records: int = Field(description="Records that fit, from the first on.")
    head: str = Field(description="Digest of the last record; note it elsewhere to prove later that none was cut off.")
    first_wrong: int | None
    reason: str | None

    @classmethod
    def of(cls, found: Verification) -> "AuditVerification":
        """The answer for a walk."""
        return cls(
            intact=found.is_intact,
            records=found.records,
            head=found.head.sha256,
            first_wrong=found.first_wrong,
            reason=found.reason,
        )


@router.get("/audit")
async def list_audit(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    limit: Limit = 50,
    cursor: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
) -> AuditPage:
    """Records, newest first."""
    records = await executors.reads(gateway.store.audit.page, limit + 1, before=cursor)
    await gateway.accesses.record("audit.viewed", caller, "audit", request_id)
    shown = records[:limit]
    return AuditPage(
        items=[AuditItem.of(record) for record in shown],
        next_cursor=str(shown[-1].sequence) if len(records) > limit else None,
    )


@router.get("/audit/verification")
async def verify_audit(gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId) -> AuditVerification:
    """Walk the whole chain: it finds a record that was changed, removed or inserted.

    One walk at a time: who asks meanwhile shares the next one.
    """
    found = AuditVerification.of(await gateway.chain_check.verify())
    with suppress(StoreUnavailable, Busy):  # it tells nothing of patients, and is wanted where the disk is full, too
        await gateway.accesses.record("audit.verified", caller, "audit", request_id, intact=found.intact)
    return found
