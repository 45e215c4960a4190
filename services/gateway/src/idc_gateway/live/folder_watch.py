"""Folders that got results or word of their senders, or were deleted, from whatever gateway on this database."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.folders.folders import Folder
from idc_gateway.folders.folders_store import FoldersStore
from idc_gateway.live.changes import Changes

_OVERLAP: Final = timedelta(seconds=10)
"""Clocks of gateways may differ, and a transaction ends later than it began; what was told is not told again."""
_LAST: Final = 2**62


class FolderWatch:
    def __init__(
        self, store: FoldersStore, document_of: Callable[[Folder], str], *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._document_of = document_of
        self._clock = clock
        self._sequence: int | None = None
        self._record: int | None = None
        self._told: dict[UUID, str] = {}

    def forget(self) -> None:
        self._sequence = self._record = None
        self._told = {}

    async def look(self, changes: Changes) -> None:
        is_first = self._sequence is None
        behind = _LAST if self._sequence is None else self._sequence
        changed, self._sequence = await executors.feed(self._store.changed_since, behind, self._clock() - _OVERLAP)
        folders = await executors.feed(self._store.get, sorted(changed)) if changed else []
        documents = {folder.id: self._document_of(folder) for folder in folders}
        for folder_id, document in documents.items():
            if not is_first and document != self._told.get(folder_id):
                changes.put("folder", str(folder_id), document)
        self._told = documents
        gone, self._record = await executors.feed(self._store.deleted_since, self._record)
        for folder_id in gone:
            changes.put("folder-removed", str(folder_id), json.dumps({"id": str(folder_id)}))
        if is_first:
            changes.put_reload()
