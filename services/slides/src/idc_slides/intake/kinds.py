"""Which files are slides, and which files belong together."""

from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Final

from idc_slides.errors import SlideRefused
from idc_slides.records.slides import FileState

SUFFIXES: Final = (".svs", ".svslide", ".tif", ".tiff", ".btf", ".ndpi", ".mrxs", ".scn", ".bif")
"""Of slides that are one file, or for MRXS one file with a folder beside it."""
DICOM: Final = ".dcm"
"""A folder with such files is one slide."""
HIDDEN: Final = (".", "~$")
"""Programs that copy files name theirs so while they are at work, and macOS its notes on others' files."""
SYSTEM_FOLDERS: Final = ("$RECYCLE.BIN", "#recycle", "@eaDir", "System Volume Information", "lost+found")
"""Of Windows and of network storage: what lies there was deleted, or is no slide."""
MAX_FILES: Final = 10_000
"""Of one slide."""


def ends_as_slide(name: str) -> bool:
    """Whether a name, perhaps with folders, has the ending of a slide."""
    return name.lower().endswith(SUFFIXES)


def is_slide_name(name: str) -> bool:
    """Whether a file of this name counts as a slide; hidden ones, such as a copy that is not whole, do not."""
    return ends_as_slide(name) and not name.startswith(HIDDEN)


def why_no_slide(name: str) -> str:
    """Why a file of this name is not a slide, as an error message."""
    if name.startswith(HIDDEN):
        return f"{name[:64]!r} is the name of a hidden file: give it another one"
    return f"{name[:64]!r} does not end as a slide does: .svs, .tiff, .ndpi, .mrxs, …"


def is_dicom_name(name: str) -> bool:
    return name.lower().endswith(DICOM)


def companion_of(slide: Path) -> Path | None:
    """The folder that holds the pixels of an MRXS file; None for others."""
    return slide.with_suffix("") if slide.suffix.lower() == ".mrxs" else None


def files_of(slide: Path) -> Iterator[Path]:
    """All files of a slide: itself, or its folder's, with those of an MRXS file's folder.

    Raises:
        FileNotFoundError: The slide is not there, or an MRXS file lacks its folder.
    """
    folder = slide if slide.is_dir() else companion_of(slide)
    if folder != slide:
        yield slide
    if folder is not None:
        yield from folder.iterdir()


def state_of(slide: Path) -> FileState:
    """The size of a slide and when it last changed, over all its files.

    Raises:
        SlideRefused: It has more than `MAX_FILES` files, or is no file.
        OSError: It cannot be read.
    """
    size_bytes = modified_ns = 0
    for count, file in enumerate(files_of(slide), 1):
        if count > MAX_FILES:
            raise SlideRefused(f"the slide has more than {MAX_FILES} files: give each slide a folder of its own")
        stat = file.stat()
        if S_ISREG(stat.st_mode):
            size_bytes += stat.st_size
            modified_ns = max(modified_ns, stat.st_mtime_ns)
        elif file == slide:
            raise SlideRefused("it is not a file: give the path of a slide, or of a folder with DICOM files")
    return FileState(size_bytes, modified_ns)
