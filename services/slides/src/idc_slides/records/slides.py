"""A slide as it is stored: its record, where its file is, and which worker has it."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID, uuid4

from idc_contracts import utc_now
from idc_contracts.slides import Slide, SlideFailure, SlideState

Source = Literal["folder", "upload", "s3"]


@dataclass(frozen=True)
class Location:
    """Where a slide's file is: a path in the watched folder, an upload, or a URL."""

    source: Source
    text: str
    """A relative path, percent-encoded (a file's name is bytes, and may hold a newline), or the URL."""

    @classmethod
    def in_folder(cls, relative: Path) -> "Location":
        return cls("folder", quote(os.fsencode(relative)))

    @property
    def path(self) -> Path:
        """The relative path; not for a URL."""
        return Path(os.fsdecode(unquote_to_bytes(self.text)))

    def folder_of_files(self, slide_id: UUID) -> UUID | None:
        """The folder of stored files that the slide's file lies in; None in the watched folder."""
        if self.source == "folder":
            return None
        return slide_id if self.source == "s3" else UUID(self.path.parts[0])

    @property
    def sha256(self) -> str:
        """A short stand-in for the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class FileState:
    """By what a changed file is noticed."""

    size_bytes: int
    """Of all files of the slide."""
    modified_ns: int
    """Of the newest of them, since 1970."""


@dataclass(frozen=True)
class StoredSlide:
    """A slide with what its record does not show."""

    slide: Slide
    location: Location
    file: FileState
    stated_um_per_px: float | None
    attempts: int = 0
    """How often it was started since it last came further."""

    @property
    def folder_of_files(self) -> UUID | None:
        """As the location's."""
        return self.location.folder_of_files(self.slide.id)


def new_slide(
    location: Location,
    file: FileState,
    *,
    received_by: str,
    name: str | None = None,
    um_per_px: float | None = None,
    failure: SlideFailure | None = None,
) -> StoredSlide:
    """A slide that enters the queue, or that is known to be unusable.

    Args:
        location: Where its file is.
        file: The state in which it was found.
        received_by: The caller, or `folder`.
        name: The file's name, where it is not the location's.
        um_per_px: The scale, where a person states it.
        failure: Why it cannot be screened.
    """
    slide = Slide(
        id=uuid4(),
        name=shown_name(name or location.path.name),
        state=SlideState.FAILED if failure else SlideState.WAITING,
        failure=failure,
        source=location.source,
        received_at=utc_now(),
        received_by=received_by[:128],
        size_bytes=file.size_bytes,
    )
    return StoredSlide(slide, location, file, um_per_px)


def shown_name(name: str) -> str:
    """A file's name as text: what is no character, or none that can be printed, is replaced."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)[:255]


def waiting_again(slide: Slide) -> Slide:
    """The record of a slide that is to be screened from its beginning: nothing of the last time is left."""
    kept = {"id", "name", "source", "received_at", "received_by", "size_bytes", "sha256"}
    return Slide(**{name: getattr(slide, name) for name in kept}, state=SlideState.WAITING)
