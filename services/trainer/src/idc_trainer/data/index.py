"""Reads every patch once and keeps its description, not its pixels: a data set need not fit in memory."""

import hashlib
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import PATCH
from idc_modelio.errors import PatchError, UnsupportedSize
from idc_modelio.patches import decode_patch, inspect_image
from idc_trainer.data.left_out import LeftOut, Reason
from idc_trainer.data.source import PatchFile, PatchSource
from idc_trainer.errors import FileUnreadable
from idc_trainer.progress import Progress

_READERS: Final = 4
_READ_AHEAD: Final = 32
"""The most images in memory; each has at most 2 MiB."""


@dataclass(frozen=True)
class PatchIndex:
    """N patches that were read and decoded once; N may be 0."""

    source: PatchSource
    files: tuple[PatchFile, ...]
    """In the order of the source."""
    labels: NDArray[np.bool_]
    """True for IDC, shape (N,)."""
    patients: NDArray[np.str_]
    """Shape (N,)."""
    names: NDArray[np.str_]
    """File names without folders, shape (N,)."""
    digests: NDArray[np.bytes_]
    """SHA-256 of each file's content, 64 hexadecimal digits (dtype S64), shape (N,)."""
    sizes_px: NDArray[np.int32]
    """Height and width as stored, before scaling to 50 x 50 px, int32, shape (N, 2)."""
    left_out: tuple[LeftOut, ...] = ()
    """Every other file of the source."""

    def __len__(self) -> int:
        return len(self.files)

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "PatchIndex":
        """The patches of a mask of shape (N,), or of row numbers, in their order."""
        numbers = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return replace(
            self,
            files=tuple(self.files[number] for number in numbers.tolist()),
            labels=self.labels[numbers],
            patients=self.patients[numbers],
            names=self.names[numbers],
            digests=self.digests[numbers],
            sizes_px=self.sizes_px[numbers],
        )

    def of(self, patients: Collection[str]) -> "PatchIndex":
        """The patches of some patients, in the order of the index."""
        return self.rows(np.isin(self.patients, sorted(patients)))

    def classes_of(self) -> dict[str, frozenset[bool]]:
        """The classes of each patient (True for IDC), patients sorted."""
        return {
            str(patient): frozenset(map(bool, np.unique(self.labels[self.patients == patient])))
            for patient in np.unique(self.patients)
        }

    def sha256(self) -> str:
        """One digest over the sorted digests of all files: the same for the same images in any layout."""
        return hashlib.sha256(b"\n".join(sorted(self.digests.tolist()))).hexdigest()

    def encoded(self, row: int) -> bytes:
        """The content of one file, as it is stored; thread-safe.

        Raises:
            FileUnreadable: The file was removed or changed since it was indexed.
        """
        data = self.source.read(self.files[row])
        if hashlib.sha256(data).hexdigest().encode() != self.digests[row]:
            raise FileUnreadable(self.files[row].path, "it was changed while it was in use")
        return data

    def decode(self, row: int) -> NDArray[np.uint8]:
        """One patch, RGB, uint8, shape (50, 50, 3), values 0-255; another size is scaled. Raises as `encoded`."""
        return decode_patch(self.encoded(row), height_px=PATCH.height_px, width_px=PATCH.width_px)


@dataclass(frozen=True, slots=True)
class _Readable:
    file: PatchFile
    digest: str
    height_px: int
    width_px: int


def index_patches(source: PatchSource, progress: Progress, *, skip_unreadable: bool) -> PatchIndex:
    """Read and decode all images once.

    An image of a size that no patch has is left out: the public set has strips, cut at the edge of a slide.

    Args:
        source: The images.
        progress: Called after each image.
        skip_unreadable: Leave out unreadable images, too, instead of failing at the first.

    Returns:
        The readable patches, in the order of the source, and every file that was left out.

    Raises:
        FileUnreadable: A file cannot be read or is not an image of a patch.
    """
    read: list[_Readable] = []
    left_out: list[LeftOut] = []

    def leave_out(file: LeftOut) -> None:
        if file.reason is Reason.UNREADABLE and not skip_unreadable:
            raise FileUnreadable(file.path, file.detail)
        left_out.append(file)

    for file in source.listing.left_out:
        leave_out(file)
    for number, result in enumerate(_read_all(source), start=1):
        if isinstance(result, LeftOut):
            leave_out(result)
        else:
            read.append(result)
        progress("reading patches", number, len(source.listing.files))
    return PatchIndex(
        source,
        tuple(one.file for one in read),
        labels=np.array([one.file.label == 1 for one in read], np.bool_),
        patients=np.array([one.file.patient for one in read], np.str_),
        names=np.array([one.file.name for one in read], np.str_),
        digests=np.array([one.digest for one in read], "S64"),
        sizes_px=np.array([(one.height_px, one.width_px) for one in read], np.int32).reshape(-1, 2),
        left_out=tuple(left_out),
    )


def _read(source: PatchSource, file: PatchFile) -> _Readable | LeftOut:
    try:
        data = source.read(file)
        header = inspect_image(data)
    except FileUnreadable as exc:
        return LeftOut(file.path, Reason.UNREADABLE, exc.reason)
    except UnsupportedSize as exc:
        return LeftOut(file.path, Reason.NO_PATCH_SIZE, exc.measured)
    except PatchError as exc:
        return LeftOut(file.path, Reason.UNREADABLE, str(exc))
    return _Readable(file, hashlib.sha256(data).hexdigest(), header.height_px, header.width_px)


def _read_all(source: PatchSource) -> Iterator[_Readable | LeftOut]:
    """Read the files in their order with a small pool of threads, a bounded number of them ahead."""
    waiting: deque[Future[_Readable | LeftOut]] = deque()
    files = iter(source.listing.files)
    with ThreadPoolExecutor(_READERS) as readers:
        waiting.extend(readers.submit(_read, source, file) for file in islice(files, _READ_AHEAD))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(readers.submit(_read, source, file) for file in islice(files, 1))
            yield result
