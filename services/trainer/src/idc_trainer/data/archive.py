"""Patches in a zip file, as the public data set is downloaded; nothing is unpacked to disk."""

import zipfile
import zlib
from pathlib import Path
from threading import Lock
from typing import Final

from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_trainer.data.source import PatchFile, PatientsFrom
from idc_trainer.data.tree import list_tree
from idc_trainer.errors import DataUnreadable, FileUnreadable

# Python inflates deflated entries piecewise, others a block at a time, which can be ten thousand times as large.
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1

# What `zipfile` raises for damaged bytes: NotImplementedError and RuntimeError for what it does not support.
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


class ZipSource:
    """The patches in a zip file, which stays open."""

    def __init__(self, root: Path, archive: zipfile.ZipFile, patients_from: PatientsFrom) -> None:
        self.root = root
        self._archive = archive
        # Of two entries of one name the last counts, as for every program that unpacks zips. Old Windows programs
        # separate folders by backslashes.
        entries = {entry.filename.replace("\\", "/"): entry for entry in archive.infolist()}
        self._entries = {path: entry for path, entry in entries.items() if not path.endswith("/")}
        self._lock = Lock()
        self.listing = list_tree(self._entries, self._same, patients_from)
        self._refuse_if_closed()

    def read(self, file: PatchFile) -> bytes:
        entry = self._entries[file.path]
        if problem := _problem(entry):
            raise FileUnreadable(file.path, problem)
        try:
            # `zipfile` counts its open entries without a lock. Inflating takes a tenth of the time of decoding.
            with self._lock, self._archive.open(entry) as stream:
                return stream.read(MAX_ENCODED_BYTES + 1)
        except _DAMAGE as exc:
            raise FileUnreadable(file.path, f"it is damaged in {self.root} ({str(exc)[:120]})") from exc

    def _same(self, one: PatchFile, other: PatchFile) -> bool:
        first, second = self._entries[one.path], self._entries[other.path]
        return (first.file_size, first.CRC) == (second.file_size, second.CRC)

    def _refuse_if_closed(self) -> None:
        """Refuse a zip in which no patch can be read; the text names the first."""
        problems = [_problem(self._entries[file.path]) for file in self.listing.files]
        if problems and all(problems):
            first = self.listing.files[0].path
            raise DataUnreadable(f"no patch of {self.root} can be read, the first is {first}: {problems[0]}")


def _problem(entry: zipfile.ZipInfo) -> str | None:
    if entry.flag_bits & _ENCRYPTED:
        return "it is encrypted: unpack the zip with its password and pass the folder"
    if entry.compress_type not in _COMPRESSIONS:
        return (
            f"its compression method {entry.compress_type} is neither stored nor deflated: unpack the zip and pass "
            "the folder"
        )
    return None


def open_zip(path: Path, patients_from: PatientsFrom) -> ZipSource:
    """List the patches in a zip file.

    Raises:
        DataUnreadable: The zip is damaged, encrypted or may not be read.
        WrongLabel, PatientUnknown: See `list_tree`.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as exc:
        reason = str(exc)[:120]
        raise DataUnreadable(f"cannot read the zip {path} ({reason}): download or copy it again") from exc
    return ZipSource(path, archive, patients_from)
