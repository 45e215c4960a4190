"""Deletes a folder with all that was sent in it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idc_gateway import executors
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.folders.folders_store import DELETED, FoldersStore
from idc_gateway.results.folder_results_store import FolderResultsStore
from idc_gateway.results.image_deletions import ImageDeletions


@dataclass(frozen=True)
class FolderDeletion:
    """First the folder goes, then its results batch by batch, so that other writers wait for one batch only.

    Where it is interrupted, housekeeping deletes the other results.
    """

    folders: FoldersStore
    results: FolderResultsStore
    images: ImageDeletions

    async def delete(self, folder: UUID, caller: str, request_id: str, at: datetime) -> bool:
        """Delete a folder, its results, their reviews and images; False where it does not exist.

        The audit chain keeps that each existed and who deleted it.
        """
        event = AuditEvent(DELETED, caller, str(folder), at, request_id)
        if not await executors.writes(self.folders.delete, folder, event):
            return False
        while await executors.writes(self.results.delete, folder, caller, request_id, at):
            pass
        await self.images.run_soon()
        return True
