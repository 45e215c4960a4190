"""Checks of the audit chain, one at a time for all callers."""

import asyncio

from idc_gateway import executors
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import Verification


class ChainCheck:
    """Callers during a check share the next one, which covers all that was written before they called."""

    def __init__(self, audit: AuditStore) -> None:
        self._audit = audit
        self._running: asyncio.Task[Verification] | None = None
        self._next: asyncio.Task[Verification] | None = None

    async def verify(self) -> Verification:
        if self._next is None:
            self._next = asyncio.create_task(self._run_after(self._running), name="chain check")
        return await asyncio.shield(self._next)

    async def _run_after(self, before: "asyncio.Task[Verification] | None") -> Verification:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await executors.walks(self._audit.verify)
