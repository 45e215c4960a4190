"""Image files, read one after the other into forms that fit into memory."""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from idc_client.classifying.image_files import LeftOut

FORM_FILES: Final = 128
"""Files in one request: some tenths of a second of work, so that progress is seen and a retry repeats little."""
FORM_BYTES: Final = 8 * 2**20
"""Bytes of files that are in memory at one time, but for one more file."""
MAX_NAME_LENGTH: Final = 255
_READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that takes a file's place is not waited for."""
_TRUTH: Final = re.compile(r"class(?P<truth>[01])(?![0-9])")
"""In the names of the public data set: `8975_idx5_x801_y1001_class1.png`."""

Truth = Literal["idc", "no_idc"]


def truth_of(path: Path) -> Truth | None:
    """What a file's name says of it; None where it says nothing."""
    matches = set(_TRUTH.findall(path.name))
    if len(matches) != 1:
        return None
    return "idc" if matches == {"1"} else "no_idc"


@dataclass(frozen=True)
class Patch:
    """One image file and its bytes."""

    path: Path
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The file's name as it is sent: what is no Unicode or not printable becomes a replacement character."""
        last = re.split(r"[/\\]", self.path.name)[-1].encode("utf-8", "replace").decode()
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last)[:MAX_NAME_LENGTH]

    @property
    def identity(self) -> bytes:
        """The same for files of the same name and content."""
        return hashlib.sha256(self.name.encode() + b"\0" + self.content).digest()[:16]


@dataclass(frozen=True)
class Form:
    """Patches that go in one request."""

    copy: int
    """0 for the first file of a name and content, 1 for the second, and so on: each is an image of its own."""
    patches: list[Patch]


def read(path: Path, max_bytes: int) -> Patch | LeftOut:
    """Read a file, unless it is too large or no file at all; devices and pipes are not waited for."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return LeftOut(path, "no regular file", is_failure=True)
        if status.st_size > max_bytes:
            return LeftOut(
                path, f"too large: {status.st_size} bytes, and a patch has at most {max_bytes}", is_failure=True
            )
        with os.fdopen(os.open(path, _READ), "rb") as file:
            # One that grew meanwhile is cut off, and refused by the gateway.
            content = file.read(max_bytes + 1)
    except OSError as exc:
        return LeftOut(path, exc.strerror or str(exc), is_failure=True)
    return Patch(path, content) if content else LeftOut(path, "empty", is_failure=True)


def forms(files: Iterable[Path], max_bytes: int) -> Iterator[Form | LeftOut]:
    """The files in groups that fit into one request each, and those that cannot be sent.

    What is in memory at one time is bounded: the bytes of `FORM_BYTES` and a few for each file that was met.
    """
    met: Counter[bytes] = Counter()
    waiting: dict[int, list[Patch]] = {}
    held = 0
    for path in files:
        patch = read(path, max_bytes)
        if isinstance(patch, LeftOut):
            yield patch
            continue
        copy = met[patch.identity]
        met[patch.identity] += 1
        waiting.setdefault(copy, []).append(patch)
        held += len(patch.content)
        if len(waiting[copy]) == FORM_FILES or held >= FORM_BYTES:
            full = copy if len(waiting[copy]) == FORM_FILES else max(waiting, key=lambda c: len(waiting[c]))
            form = Form(full, waiting.pop(full))
            held -= sum(len(one.content) for one in form.patches)
            yield form
    yield from (Form(copy, patches) for copy, patches in sorted(waiting.items()))


def form_body(patches: Sequence[Patch], boundary: str) -> bytes:
    """A multipart form with the files as its parts `images` (RFC 7578)."""
    pieces: list[bytes] = []
    for patch in patches:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="{_quoted(patch.name)}"'
        pieces += [f"{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(), patch.content, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _quoted(name: str) -> str:
    """A file's name in a form's head (WHATWG HTML, 4.10.21.8)."""
    return name.replace('"', "%22")
