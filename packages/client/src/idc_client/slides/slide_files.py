"""Which files are slides."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from idc_client.errors import InputRejected

SUFFIXES: Final = (".svs", ".svslide", ".tif", ".tiff", ".btf", ".ndpi", ".mrxs", ".scn", ".bif")
_DICOM: Final = ".dcm"
_SEVERAL_FILES: Final = (".mrxs", _DICOM)


def check_uploadable(file: Path) -> None:
    """Raises InputRejected for what is not a file, is empty, or is only a part of a slide."""
    try:
        if not file.is_file():
            raise InputRejected(f"{file} is not a file: `idc slides scan` is for folders")
        if file.stat().st_size == 0:
            raise InputRejected(f"{file} is empty")
    except OSError as exc:
        raise InputRejected(f"{file}: {exc.strerror or exc}") from exc
    if file.suffix.lower() in _SEVERAL_FILES:
        raise InputRejected(
            f"{file} is one of several files of a slide: copy them all to the watched folder, then `idc slides scan` it"
        )


def find_slides(folder: Path) -> Iterator[Path]:
    """Every slide below a folder, by name; a folder with DICOM files is one slide. Links to folders are not followed.

    Raises:
        InputRejected: The folder, or one in it, cannot be read.
    """

    def stop(error: OSError) -> None:
        raise InputRejected(f"{error.filename}: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=stop):
        # The pixels of an MRXS file are in a folder of the same name.
        companions = {Path(name).stem for name in names if name.lower().endswith(".mrxs")}
        folders[:] = sorted(name for name in folders if name not in companions)
        if any(name.lower().endswith(_DICOM) for name in names) and Path(place) != folder:
            yield Path(place)
        yield from (Path(place, name) for name in sorted(names) if name.lower().endswith(SUFFIXES))
