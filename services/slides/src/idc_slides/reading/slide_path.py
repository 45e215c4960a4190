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
        SlideUnreadable: It does not exist, is not a regular file, or lies elsewhere.
    """
    try:
        return _regular_file(path, folder)
    except (OSError, RuntimeError, ValueError) as exc:  # a circle of links, a name with a zero byte
        reason = getattr(exc, "strerror", None) or str(exc)
        raise SlideUnreadable(
            "slide-not-found", f"{path.name!r} cannot be opened ({reason}): check its name and its permissions"
        ) from exc


def _regular_file(path: Path, folder: Path | None) -> Path:
    real = path.resolve(strict=True)
    _check_inside(path.name, real, folder)
    if real.is_dir():
        real = _dicom_file(real)
    if not stat.S_ISREG(real.stat().st_mode):
        raise SlideUnreadable("unsupported-format", f"{path.name!r} is not a regular file: send the slide's file")
    for sibling in real.parent.iterdir() if is_dicom(real) else ():
        _check_inside(sibling.name, sibling.resolve(), folder)  # OpenSlide opens all files beside a DICOM file
        if not (sibling.is_file() or sibling.is_dir()):
            raise SlideUnreadable(
                "unsupported-format", f"{sibling.name!r} beside the DICOM file is not a regular file: remove it"
            )
    with real.open("rb"):
        return real


def _check_inside(name: str, real: Path, folder: Path | None) -> None:
    if folder is not None and not real.is_relative_to(folder.resolve(strict=True)):
        raise SlideUnreadable(
            "outside-folder", f"{name!r} is a link to a file outside the folder: put the file itself there"
        )


def _dicom_file(folder: Path) -> Path:
    for file in sorted(folder.iterdir()):
        if file.is_file() and is_dicom(file):
            return file
    raise SlideUnreadable(
        "unsupported-format", f"the folder {folder.name!r} holds no DICOM file: send the slide's file"
    )


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"
