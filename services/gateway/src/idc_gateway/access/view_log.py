"""Who viewed patients' data: recorded in the audit chain before it is shown."""

import time
from collections.abc import Callable
from typing import Any, Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import Caller
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable

REPEAT_AFTER_S: Final = 600.0
"""A caller who views the same thing again within this time is not recorded again."""
MAX_REMEMBERED: Final = 10_000


class ViewLog:
    """Records views in this process, each caller's repeated ones once in ten minutes."""

    def __init__(self, audit: AuditStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._recorded_s: dict[tuple[str, ...], float] = {}

    async def record(self, action: str, caller: Caller, subject: str, request_id: str, **details: Any) -> None:
        """Record that a caller views something; raises StoreUnavailable where it cannot be recorded or shown."""
        # The digest too: the next owner of a name is somebody else.
        now_s, view = self._clock(), (action, caller.name, caller.sha256, subject, repr(sorted(details.items())))
        if now_s - self._recorded_s.get(view, -REPEAT_AFTER_S) < REPEAT_AFTER_S:
            return
        event = AuditEvent(action, caller.name, subject, utc_now(), request_id, details)
        try:
            await executors.writes(self._audit.record, [event])
        except StoreUnavailable as exc:
            raise StoreUnavailable(
                "nothing is shown, because the audit chain cannot record who views it: check the database's disk or "
                "server, then try again"
            ) from exc
        self._recorded_s.pop(view, None)
        if len(self._recorded_s) >= MAX_REMEMBERED:
            del self._recorded_s[next(iter(self._recorded_s))]
        self._recorded_s[view] = now_s
