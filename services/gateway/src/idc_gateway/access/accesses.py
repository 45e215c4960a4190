"""Who looked at patients' data: written to the audit chain before it is shown."""

import time
from collections.abc import Callable
from typing import Any, Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.accounts import Caller
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable

AGAIN_AFTER_S: Final = 600.0
"""The same caller who looks at the same thing again sooner makes no further record."""
MAX_REMEMBERED: Final = 10_000


class Accesses:
    """Records them, of this process; what is asked for again and again is recorded once in ten minutes."""

    def __init__(self, audit: AuditStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._recorded_s: dict[tuple[str, str, str, str], float] = {}

    async def record(self, action: str, caller: Caller, subject: str, request_id: str, **details: Any) -> None:
        """Record that a caller looks at something.

        Raises:
            StoreUnavailable: It could not be recorded; it must not be shown.
        """
        # By the key or session, too: whoever gets a name next is somebody else.
        now_s, key = self._clock(), (action, f"{caller.name} {caller.sha256}", subject, repr(sorted(details.items())))
        if now_s - self._recorded_s.get(key, -AGAIN_AFTER_S) < AGAIN_AFTER_S:
            return
        event = AuditEvent(action, caller.name, subject, utc_now(), request_id, details)
        try:
            await executors.writes(self._audit.record, [event])
        except StoreUnavailable as exc:
            raise StoreUnavailable(
                "this is not shown, since the audit chain cannot record who looks at it: look at the database's disk "
                "or server, then try again"
            ) from exc
        self._recorded_s.pop(key, None)
        if len(self._recorded_s) >= MAX_REMEMBERED:
            del self._recorded_s[next(iter(self._recorded_s))]
        self._recorded_s[key] = now_s
