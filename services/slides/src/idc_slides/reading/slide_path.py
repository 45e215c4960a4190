"""Which file a path means, and whether it may be read."""

from pathlib import Path

from idc_slides.unreadable import SlideUnreadable


def slide_path(path: Path, folder: Path | None = None) -> Path:
    """The file or DICOM folder to open, with symbolic links followed.

    Args:
        path: A file, or the folder of a DICOM slide.
        folder: The file must lie in it.

    Raises:
        SlideUnreadable: It does not exist, is not a regular file, or lies elsewhere; or one of the DICOM files does.
    """
    try:
        return _slide_path(path, folder)
    except (OSError, RuntimeError, ValueError) as exc:  # a circle of links, a name with a zero byte
        reason = getattr(exc, "strerror", None) or str(exc)
        raise SlideUnreadable(
            "slide-not-found", f"{path.name!r} cannot be opened ({reason}): check its name and its permissions"
        ) from exc


def _slide_path(path: Path, folder: Path | None) -> Path:
    real = path.resolve(strict=True)
    _check_inside(path.name, real, folder)
    if not real.is_dir():
        _check_regular_file(path.name, real)
    # OpenSlide opens all files beside a DICOM file.
    files = real.iterdir() if real.is_dir() else real.parent.iterdir() if is_dicom(real) else ()
    for file in files:
        _check_inside(file.name, file.resolve(), folder)
        if not (file.is_file() or file.is_dir()):
            raise SlideUnreadable(
                "unsupported-format", f"{file.name!r} beside the DICOM file is not a regular file: remove it"
            )
    return real


def _check_regular_file(name: str, real: Path) -> None:
    if not real.is_file():
        raise SlideUnreadable("unsupported-format", f"{name!r} is not a regular file: send the slide's file")
    with real.open("rb"):
        return


def _check_inside(name: str, real: Path, folder: Path | None) -> None:
    if folder is not None and not real.is_relative_to(folder.resolve(strict=True)):
        raise SlideUnreadable(
            "outside-folder", f"{name!r} is a link to a file outside the folder: put the file itself there"
        )


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"
