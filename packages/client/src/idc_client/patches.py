"""Image files: found in folders, read one after the other into forms."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from idc_client.errors import InputRefused

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
FORM_FILES: Final = 128
"""Files in one request: some tenths of a second of work, so that progress is seen and a retry repeats little."""
FORM_BYTES: Final = 32 * 2**20
_TRUTH: Final = re.compile(r"class(?P<truth>[01])(?![0-9])")
"""In the names of the public data set: `8975_idx5_x801_y1001_class1.png`."""

Truth = Literal["idc", "no_idc"]


@dataclass(frozen=True)
class PatchFile:
    """One image file."""

    path: Path
    size_bytes: int

    @property
    def truth(self) -> Truth | None:
        """What the file's name says of it; None where it says nothing."""
        matches = set(_TRUTH.findall(self.path.name))
        if len(matches) != 1:
            return None
        return "idc" if matches == {"1"} else "no_idc"


def find(places: Iterable[Path]) -> list[PatchFile]:
    """Every file that is named, and every image in every folder that is; each once, in a folder by name.

    Raises:
        InputRefused: A place does not exist, or there is no image in any.
    """
    found: dict[Path, PatchFile] = {}
    for place in places:
        try:
            files = sorted(_images_in(place)) if place.is_dir() else [place]
            found |= {path: PatchFile(path, path.stat().st_size) for path in files}
        except OSError as exc:
            raise InputRefused(f"{exc.filename or place}: {exc.strerror}") from exc
    if not found:
        wanted = ", ".join(sorted(SUFFIXES))
        raise InputRefused(f"no image in {', '.join(map(str, places))}: name files, or folders with {wanted}")
    return list(found.values())


def _images_in(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for parent, _, names in os.walk(folder, onerror=fail):
        yield from (Path(parent) / name for name in names if Path(name).suffix.lower() in SUFFIXES)


def forms(files: Sequence[PatchFile]) -> Iterator[list[PatchFile]]:
    """The files in groups that fit into one request each."""
    group: list[PatchFile] = []
    size = 0
    for file in files:
        if group and (len(group) == FORM_FILES or size + file.size_bytes > FORM_BYTES):
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size_bytes
    if group:
        yield group


def form_body(files: Sequence[PatchFile], boundary: str) -> Iterator[bytes]:
    """A multipart form with the files as its parts `images` (RFC 7578); one file is in memory at a time.

    Raises:
        InputRefused: A file cannot be read.
    """
    for file in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="{_quoted(file.path.name)}"'
        yield f"{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        try:
            yield file.path.read_bytes()
        except OSError as exc:
            raise InputRefused(f"{file.path}: {exc.strerror}; nothing of this request was stored") from exc
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _quoted(name: str) -> str:
    """A file's name in a form's head (WHATWG HTML, 4.10.21.8); what is no Unicode becomes a question mark."""
    readable = name.encode("utf-8", "replace").decode()
    return readable.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")
