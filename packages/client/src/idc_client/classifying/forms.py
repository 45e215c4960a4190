"""Reads image files in groups that fit into memory and into one request each."""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from idc_client.classifying.image_files import LeftOut

FORM_FILES: Final = 128
"""Files in one request: some tenths of a second of work, so that progress shows and a retry repeats little."""
FORM_BYTES: Final = 8 * 2**20
"""Bytes of files in memory at one time, not counting the last file read."""
MAX_NAME_LENGTH: Final = 255
_READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Does not wait for a pipe that took a file's place."""
_TRUTH: Final = re.compile(r"class(?P<truth>[01])(?![0-9])")
"""In the names of the public data set: `8975_idx5_x801_y1001_class1.png`."""

Truth = Literal["idc", "no_idc"]


def truth_of(path: Path) -> Truth | None:
    """The class in a file's name; None where it has none or both."""
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
        """The file's name as sent: a replacement character for what is not Unicode or not printable."""
        last = re.split(r"[/\\]", self.path.name)[-1].encode("utf-8", "replace").decode()
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last)[:MAX_NAME_LENGTH]

    @property
    def id(self) -> bytes:
        """The same for files of the same name and content."""
        return hashlib.sha256(self.name.encode() + b"\0" + self.content).digest()[:16]


@dataclass(frozen=True)
class Form:
    """Patches for one request."""

    copy: int
    """0 for the first file with a name and content, 1 for the second, and so on: each is stored."""
    patches: list[Patch]


def read_patch(path: Path, max_bytes: int) -> Patch | LeftOut:
    """Read a regular file of at most `max_bytes` bytes; never waits for devices and pipes."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return LeftOut(path, "not a regular file", is_failure=True)
        if status.st_size > max_bytes:
            reason = f"too large: {status.st_size} bytes, and a patch has at most {max_bytes}"
            return LeftOut(path, reason, is_failure=True)
        with os.fdopen(os.open(path, _READ), "rb") as file:
            # A file that has grown since is cut off, and the gateway rejects it.
            content = file.read(max_bytes + 1)
    except OSError as exc:
        return LeftOut(path, exc.strerror or str(exc), is_failure=True)
    return Patch(path, content) if content else LeftOut(path, "empty", is_failure=True)


def forms(files: Iterable[Path], max_bytes: int) -> Iterator[Form | LeftOut]:
    """Group files into forms; no form holds two patches with the same id.

    Memory is bounded: `FORM_BYTES` of content, and 16 bytes for each file read so far.

    Args:
        files: Paths, read in this order.
        max_bytes: Largest file to read.

    Yields:
        Forms, and files that cannot be sent.
    """
    copies: Counter[bytes] = Counter()
    waiting: dict[int, list[Patch]] = {}
    buffered_bytes = 0
    for path in files:
        patch = read_patch(path, max_bytes)
        if isinstance(patch, LeftOut):
            yield patch
            continue
        copy = copies[patch.id]
        copies[patch.id] += 1
        waiting.setdefault(copy, []).append(patch)
        buffered_bytes += len(patch.content)
        if len(waiting[copy]) == FORM_FILES or buffered_bytes >= FORM_BYTES:
            full = copy if len(waiting[copy]) == FORM_FILES else max(waiting, key=lambda c: len(waiting[c]))
            form = Form(full, waiting.pop(full))
            buffered_bytes -= sum(len(patch.content) for patch in form.patches)
            yield form
    yield from (Form(copy, patches) for copy, patches in sorted(waiting.items()))
