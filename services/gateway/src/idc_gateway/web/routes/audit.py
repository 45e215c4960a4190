"""Read and verify the audit chain."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, StringConstraints

from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.audit_store import AuditFilter
from idc_gateway.audit.chain import AuditRecord
from idc_gateway.errors import Busy, StoreUnavailable
from idc_gateway.web.dependencies import AccessDep, AuditDep, CurrentCaller, RequestId, requires
from idc_gateway.web.routes.parameters import Limit, Moment

router = APIRouter(tags=["audit"], dependencies=[Depends(requires(Scope.AUDIT))])

_LARGEST = 2**31 - 1
Text = Annotated[str | None, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]


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
    def of(cls, record: AuditRecord) -> Self:
        return cls.model_validate({**vars(record), **vars(record.event)})


class AuditPage(BaseModel):
    """Records, newest first."""

    items: list[AuditItem]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")


class AuditVerification(BaseModel):
    """The result of checking the whole chain."""

    intact: bool
    records: int = Field(description="Intact records, from the first on.")
    head: str = Field(description="Digest of the last record; keep a copy elsewhere to detect a truncated chain.")
    first_wrong: int | None
    reason: str | None


async def _filters(
    actor: Annotated[Text, Query(description="The key, user or service that did it.")] = None,
    action: Annotated[
        Text, Query(description="An action, such as `user.created`, or what stands before its dot, such as `user`.")
    ] = None,
    subject: Annotated[Text, Query(description="What it was done to.")] = None,
    at_from: Moment | None = None,
    at_before: Moment | None = None,
) -> AuditFilter:
    return AuditFilter(actor, action, subject, at_from, at_before)


Filters = Annotated[AuditFilter, Depends(_filters)]


@router.get("/audit")
async def list_audit(
    audit: AuditDep,
    access: AccessDep,
    caller: CurrentCaller,
    request_id: RequestId,
    wanted: Filters,
    limit: Limit = 50,
    cursor: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
) -> AuditPage:
    """Records, newest first."""
    records = await executors.reads(audit.store.page, limit + 1, before=cursor, wanted=wanted)
    await access.views.record("audit.viewed", caller, "audit", request_id)
    page = records[:limit]
    return AuditPage(
        items=[AuditItem.of(record) for record in page],
        next_cursor=str(page[-1].sequence) if len(records) > limit else None,
    )


@router.get("/audit/verification")
async def verify_audit(
    audit: AuditDep, access: AccessDep, caller: CurrentCaller, request_id: RequestId
) -> AuditVerification:
    """Check the whole chain: finds a record that was changed, removed or inserted.

    One check runs at a time: requests that arrive during a check share the next one.
    """
    check = await audit.check.verify()
    with suppress(StoreUnavailable, Busy):  # it shows nothing of patients, and is needed with a full disk too
        await access.views.record("audit.verified", caller, "audit", request_id, intact=check.is_intact)
    return AuditVerification(
        intact=check.is_intact,
        records=check.records,
        head=check.head.sha256,
        first_wrong=check.first_wrong,
        reason=check.reason,
    )
