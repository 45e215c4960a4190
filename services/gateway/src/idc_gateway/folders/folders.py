"""Folders of patches."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

MAX_LISTED: Final = 50
"""Files of a folder that are kept with the reason why they were left out; the others are only counted."""


class FolderState(StrEnum):
    """Where a folder is on its way, as its sender says."""

    OPEN = "open"
    """More patches may come; one that stays so was given up."""
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class LeftOutFile:
    """A file of a folder that has no result."""

    name: str
    reason: str
    """Names the remedy; in the language of whoever sent it."""


@dataclass(frozen=True)
class FolderFacts:
    """What its sender says of a folder."""

    name: str
    files: int | None = None
    """How many files it has; None where that is not known."""
    state: FolderState = FolderState.OPEN
    left_out: int = 0
    """Files without a result."""
    left_out_files: tuple[LeftOutFile, ...] = ()
    """The first `MAX_LISTED` of them."""


@dataclass(frozen=True)
class FolderCounts:
    """Results of a folder by decision."""

    idc: int = 0
    uncertain: int = 0
    no_idc: int = 0
    reviewed: int = 0
    """Of them, those that have a review."""


@dataclass(frozen=True)
class Folder:
    """A folder with the counts of its results."""

    id: UUID
    facts: FolderFacts
    received_at: datetime
    received_by: str
    """The caller who made it; only they change it."""
    changed_at: datetime
    """When its sender last said something of it."""
    latest_at: datetime | None = None
    """When its latest patch was classified."""
    counts: FolderCounts = FolderCounts()


@dataclass(frozen=True)
class FolderPage:
    """Some folders, newest first."""

    items: list[Folder]
    next_number: int | None
    """Where the next page begins; None at the end."""
    total: int
    """Folders that fit the search."""
