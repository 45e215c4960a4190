"""Remembers uploads on this machine, so that the same command resumes where it stopped, and sends nothing twice."""

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def state_folder() -> Path:
    """Where the tool keeps its state (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state") / "idc" / "uploads"


@dataclass(frozen=True)
class KnownUploads:
    """A small file for each upload. Where the folder cannot be written, nothing is remembered."""

    url: str
    """The gateway's address."""
    um_per_px: float | None = None
    """The scale that was stated: with another one it is another slide."""
    folder: Path = field(default_factory=state_folder)

    def find(self, file: Path) -> str | None:
        """The id of this file's upload; None for one that is new, or that changed since."""
        with suppress(OSError, UnicodeDecodeError):
            upload = self._place(file).read_text(encoding="utf-8").strip()
            return upload if _ID.fullmatch(upload) else None
        return None

    def keep(self, file: Path, upload: str) -> None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._place(file).write_text(upload, encoding="utf-8")

    def forget(self, file: Path) -> None:
        """Let the file be sent from its start."""
        with suppress(OSError):
            self._place(file).unlink(missing_ok=True)

    def _place(self, file: Path) -> Path:
        status = file.stat()
        where = (self.url.rstrip("/"), os.fsencode(file.resolve()).hex())
        what = (*where, status.st_size, status.st_mtime_ns, self.um_per_px)
        return self.folder / hashlib.sha256(repr(what).encode()).hexdigest()
