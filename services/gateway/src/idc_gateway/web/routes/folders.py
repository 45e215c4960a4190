"""Folders of patches: what was sent together, with the counts of its results."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from idc_contracts import utc_now
from idc_contracts.base import JSON_NUMBER
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import BadCursor, NotFound
from idc_gateway.folders.deletion import FolderDeletion
from idc_gateway.folders.folders import MAX_LISTED, Folder, FolderFacts, FolderState, LeftOutFile
from idc_gateway.folders.folders_store import FoldersStore
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.web.routes.parameters import GivenCursor

router = APIRouter(tags=["folders"])

_reads = Depends(requires(Scope.READ))
_MAX_FILES: Final = 10_000_000
_ACTIONS: Final = {
    FolderState.OPEN: "folder.opened",
    FolderState.DONE: "folder.ended",
    FolderState.CANCELLED: "folder.cancelled",
}
"""What the audit chain calls it; the folder's name stays out, since it may identify the patient."""
_TEXT: Final = r"^[^\x00]+$"
_Count = Annotated[int, Field(ge=0, le=_MAX_FILES), JSON_NUMBER]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items in the answer.")]


class LeftOutItem(BaseModel):
    """A file without a result."""

    name: str = Field(min_length=1, max_length=255, pattern=_TEXT)
    reason: str = Field(min_length=1, max_length=500, pattern=_TEXT, description="Names the remedy.")


class FolderToKeep(BaseModel):
    """What the sender of a folder says of it; each request replaces what the one before said."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255, pattern=_TEXT, description="The folder's own, as people call it.")
    files: _Count | None = Field(default=None, description="How many it has; null if unknown.")
    state: FolderState = FolderState.OPEN
    left_out: _Count = Field(default=0, description="Files without a result, as the sender counts.")
    left_out_files: list[LeftOutItem] = Field(default=[], max_length=MAX_LISTED, description="The first of them.")

    @property
    def facts(self) -> FolderFacts:
        """As the store takes them."""
        files = tuple(LeftOutFile(file.name, file.reason) for file in self.left_out_files)
        return FolderFacts(self.name, self.files, self.state, self.left_out, files)


class FolderCountsItem(BaseModel):
    """Patches of a folder."""

    idc: int
    uncertain: int
    no_idc: int
    left_out: int = Field(description="Files without a result.")
    reviewed: int = Field(description="Results that have a review.")


class FolderItem(BaseModel):
    """A folder of patches. For research use only; not a medical device."""

    id: UUID
    name: str
    state: FolderState = Field(description="As its sender says; one that stays `open` was given up.")
    files: int | None = Field(description="How many files it has, as its sender says.")
    counts: FolderCountsItem
    left_out_files: list[LeftOutItem] = Field(description="The first files that have no result, with the reasons.")
    received_at: datetime
    received_by: str = Field(description="The key or user who made it; only they change it.")
    changed_at: datetime = Field(description="When its sender last said something of it, or a patch was classified.")

    @classmethod
    def of(cls, folder: Folder) -> Self:
        facts = folder.facts
        return cls(
            id=folder.id,
            name=facts.name,
            state=facts.state,
            files=facts.files,
            counts=FolderCountsItem(**vars(folder.counts), left_out=facts.left_out),
            left_out_files=[LeftOutItem(**vars(file)) for file in facts.left_out_files],
            received_at=folder.received_at,
            received_by=folder.received_by,
            changed_at=max(folder.changed_at, folder.latest_at or folder.changed_at),
        )


class FolderList(BaseModel):
    """Folders, newest first."""

    items: list[FolderItem]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")
    total: int = Field(description="Folders that fit the filter.")


async def _folders(gateway: GatewayDependency) -> FoldersStore:
    return gateway.store.folders


FoldersDep = Annotated[FoldersStore, Depends(_folders)]


@router.get("/folders", dependencies=[_reads])
async def list_folders(  # noqa: PLR0913, PLR0917 - half of them are parameters of the query
    folders: FoldersDep,
    access: AccessDep,
    caller: CurrentCaller,
    request_id: RequestId,
    state: FolderState | None = None,
    search: Annotated[str, Query(max_length=255, description="A part of the folder's name.")] = "",
    cursor: GivenCursor = None,
    limit: Limit = 50,
) -> FolderList:
    """Folders of patches, newest first, page by page. Patches that were sent without a folder are in none."""
    page = await executors.reads(folders.page, state, search, _number(cursor), limit)
    filters = {name: str(value) for name, value in (("state", state), ("search", search)) if value}
    await access.views.record("folders.listed", caller, "folders", request_id, filter=filters)
    following = None if page.next_number is None else str(page.next_number)
    return FolderList(items=[FolderItem.of(one) for one in page.items], next_cursor=following, total=page.total)


@router.get("/folders/{folder_id:uuid}", dependencies=[_reads])
async def get_folder(
    folders: FoldersDep, access: AccessDep, caller: CurrentCaller, request_id: RequestId, folder_id: UUID
) -> FolderItem:
    """One folder."""
    rows = await executors.reads(folders.get, [folder_id])
    if not rows:
        raise NotFound(f"there is no folder {folder_id}: GET /api/v1/folders lists them")
    await access.views.record("folder.viewed", caller, str(folder_id), request_id)
    return FolderItem.of(rows[0])


@router.put(
    "/folders/{folder_id:uuid}",
    dependencies=[Depends(requires(Scope.CLASSIFY))],
    responses={201: {"model": FolderItem, "description": "It is new."}},
)
async def keep_folder(
    folders: FoldersDep,
    caller: CurrentCaller,
    request_id: RequestId,
    folder_id: UUID,
    wanted: FolderToKeep,
    response: Response,
) -> FolderItem:
    """Make a folder, with an id of the sender's choice, or say how far it is. Only who made it may change it.

    Then send its patches: `POST /classifications?folder={id}`. Say `done` at the end, with the files that have no
    result.
    """
    event = AuditEvent(
        _ACTIONS[wanted.state],
        caller.name,
        str(folder_id),
        utc_now(),
        request_id,
        {"files": wanted.files, "left_out": wanted.left_out},
    )
    folder, is_new = await executors.writes(folders.put, folder_id, wanted.facts, event)
    response.status_code = 201 if is_new else 200
    return FolderItem.of(folder)


@router.delete("/folders/{folder_id:uuid}", status_code=204, dependencies=[Depends(requires(Scope.ADMIN))])
async def delete_folder(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, folder_id: UUID
) -> None:
    """Delete a folder, its results, their reviews and images. The audit chain keeps what existed and who deleted it."""
    deletion = FolderDeletion(gateway.store.folders, gateway.store.folder_results, gateway.results.deletions)
    if not await deletion.delete(folder_id, caller.name, request_id, utc_now()):
        raise NotFound(f"there is no folder {folder_id}: GET /api/v1/folders lists them")


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 12):
        raise BadCursor(f"the cursor {cursor[:64]!r} was not issued by this gateway: omit it to start")
    return int(cursor)
