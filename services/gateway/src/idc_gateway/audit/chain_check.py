"""Walks along the audit chain, one at a time whoever asks."""

import asyncio

from idc_gateway import executors
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import Verification


class ChainCheck:
    """Who asks while a walk is under way shares the next one: it sees all that was written before they asked."""

    def __init__(self, audit: AuditStore) -> None:
        self._audit = audit
        self._walking: asyncio.Task[Verification] | None = None
        self._next: asyncio.Task[Verification] | None = None

    async def verify(self) -> Verification:
        """Walk the whole chain.

        Raises:
            StoreUnavailable: The database does not work.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._walk_after(self._walking), name="chain check")
        return await asyncio.shield(self._next)

    async def _walk_after(self, before: "asyncio.Task[Verification] | None") -> Verification:
        if before is not None:
            await asyncio.wait([before])
        self._walking, self._next = self._next, None
        return await executors.walks(self._audit.verify)
