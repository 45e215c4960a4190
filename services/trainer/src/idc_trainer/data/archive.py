"""Patches in a zip file, as the public data set is downloaded; nothing is unpacked to the disk."""

import zipfile
import zlib
from pathlib import Path
from threading import Lock
from typing import Final

from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_trainer.data.source import PatchFile
from idc_trainer.data.tree import files_in_tree
from idc_trainer.errors import DataUnreadable, FileUnreadable

# Python inflates deflated entries piece by piece, others a block at a time, which can be ten thousand times as large.
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1

# What `zipfile` raises for damaged bytes: NotImplementedError and RuntimeError for what it does not support.
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


class ZipSource:
    """The patches in a zip file, which stays open."""

    def __init__(self, root: Path, archive: zipfile.ZipFile) -> None:
        self.root = root
        self._archive = archive
        # The names of two entries may be equal; then the last counts, as for all that unpack zips.
        self._entries = {entry.filename: entry for entry in archive.infolist()}
        self._lock = Lock()
        self.files = files_in_tree(self._entries, self._same)

    def read(self, file: PatchFile) -> bytes:
        """Read one image; see PatchSource."""
        entry = self._entries[file.path]
        _check(entry)
        try:
            # `zipfile` counts its open entries without a lock. To inflate takes a tenth of the time to decode.
            with self._lock, self._archive.open(entry) as stream:
                return stream.read(MAX_ENCODED_BYTES + 1)
        except _DAMAGE as exc:
            raise FileUnreadable(file.path, f"it is damaged in {self.root} ({str(exc)[:120]})") from exc

    def _same(self, one: PatchFile, other: PatchFile) -> bool:
        first, second = self._entries[one.path], self._entries[other.path]
        return (first.file_size, first.CRC) == (second.file_size, second.CRC)


def _check(entry: zipfile.ZipInfo) -> None:
    if entry.file_size > MAX_ENCODED_BYTES:
        reason = f"it unpacks to {entry.file_size} bytes, more than the {MAX_ENCODED_BYTES} that a patch may have"
    elif entry.flag_bits & _ENCRYPTED:
        reason = "it is encrypted"
    elif entry.compress_type not in _COMPRESSIONS:
        reason = f"its compression method {entry.compress_type} is neither stored nor deflated"
    else:
        return
    raise FileUnreadable(entry.filename, reason)


def open_zip(path: Path) -> ZipSource:
    """List the patches in a zip file.

    Raises:
        DataUnreadable: The zip is damaged or may not be read.
        WrongLabel: See `files_in_tree`.
        PatientUnknown: See `files_in_tree`.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as exc:
        reason = str(exc)[:120]
        raise DataUnreadable(f"cannot read the zip {path} ({reason}): download or copy it again") from exc
    return ZipSource(path, archive)
