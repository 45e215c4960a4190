"""Which file a path means, and whether it may be read."""

import stat
from pathlib import Path

from idc_slides.unreadable import SlideUnreadable


def slide_path(path: Path, folder: Path | None = None) -> Path:
    """The file to open, with symbolic links followed; of a DICOM folder one of its files.

    Args:
        path: A file, or the folder of a DICOM slide.
        folder: The file must lie in it.

    Raises:
        SlideUnreadable: It does not exist, is no regular file, or lies elsewhere.
    """
    try:
        real = path.resolve(strict=True)
        if folder is not None and not real.is_relative_to(folder.resolve(strict=True)):
            raise SlideUnreadable(
                "outside-folder", f"{path.name!r} links to a file outside the folder: copy the file itself"
            )
        if real.is_dir():
            real = _dicom_file(real)
        mode = real.stat().st_mode
        with real.open("rb") if stat.S_ISREG(mode) else _refuse(path):
            return real
    except SlideUnreadable:
        raise
    except (OSError, RuntimeError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise SlideUnreadable("slide-not-found", f"{path.name!r} cannot be opened: {reason}") from exc


def _refuse(path: Path) -> "None":
    raise SlideUnreadable("unsupported-format", f"{path.name!r} is no regular file: send the slide's file")


def _dicom_file(folder: Path) -> Path:
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.is_symlink() and is_dicom(file):
            return file
    raise SlideUnreadable(
        "unsupported-format", f"the folder {folder.name!r} holds no DICOM file: send the slide's file"
    )


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"
