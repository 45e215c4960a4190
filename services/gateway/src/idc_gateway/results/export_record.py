"""Audit records of an export: the request before the first line, and the number of rows at its end."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import Busy, StoreUnavailable
from idc_gateway.idempotency.job import Job
from idc_gateway.results.queries import ClassificationFilter

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ExportRecord:
    def __init__(self, audit: AuditStore, request: Job, filters: ClassificationFilter, format_name: str) -> None:
        self._audit = audit
        self._request = request
        self._details = {"format": format_name, "filter": as_json(filters)}
        self._rows = 0
        self._is_ended = False
        self._lock = Lock()

    def begin(self) -> None:
        """Record the request; where that raises StoreUnavailable, nothing may be sent. Blocks."""
        self._write("export.begun", {})

    def counted(self, rows: Iterable[T]) -> Iterator[T]:
        """The rows, counted; the count is recorded after the last one. Blocks."""
        for row in rows:
            self._rows += 1
            yield row
        self._end(is_whole=True)

    async def close(self) -> None:
        """Record the rows of an export that was cut off."""
        try:
            await executors.writes(self._end, is_whole=False)
        except (StoreUnavailable, Busy):
            logger.exception("the end of an export of %d rows was not recorded", self._rows)

    def _end(self, *, is_whole: bool) -> None:
        # A thread may still read rows when the request is over: the first of both writes the record.
        with self._lock:
            if not self._is_ended:
                self._write("export.ended", {"rows": self._rows, "whole": is_whole})
                self._is_ended = True

    def _write(self, action: str, details: dict[str, Any]) -> None:
        request = self._request
        event = AuditEvent(
            action, request.caller, "classifications", utc_now(), request.request_id, {**self._details, **details}
        )
        self._audit.record([event])


def as_json(filters: ClassificationFilter) -> dict[str, Any]:
    """A filter as the audit chain keeps it, without what is None."""
    set_filters = {name: value for name, value in asdict(filters).items() if value is not None}
    return {name: _as_json(value) for name, value in set_filters.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
