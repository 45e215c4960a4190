"""Reads every patch once and keeps what is known of it, not its pixels: a data set need not fit in memory."""

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
_LOOK_AHEAD: Final = 32
"""How many images are in memory at most; each has at most 2 MiB."""


@dataclass(frozen=True)
class PatchIndex:
    """Patches that were all read and decoded once, with what is known of each; N may be 0."""

    source: PatchSource
    files: tuple[PatchFile, ...]
    """N files in the order of the source."""
    labels: NDArray[np.bool_]
    """True where the patch holds IDC, shape (N,)."""
    patients: NDArray[np.str_]
    """Whose patch it is, shape (N,)."""
    names: NDArray[np.str_]
    """File names without folders, shape (N,)."""
    digests: NDArray[np.bytes_]
    """SHA-256 of each file's content, 64 hexadecimal digits (dtype S64), shape (N,)."""
    sizes_px: NDArray[np.int32]
    """Height and width as stored, before a patch is scaled to 50 x 50 px, int32, shape (N, 2)."""
    left_out: tuple[LeftOut, ...] = ()
    """Every other file of the source."""

    def __len__(self) -> int:
        return len(self.files)

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "PatchIndex":
        """Some of the patches.

        Args:
            chosen: A mask of shape (N,), or row numbers in the order wanted.
        """
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
        """The patches of some patients, in the same order."""
        return self.rows(np.isin(self.patients, sorted(patients)))

    def classes_of(self) -> dict[str, frozenset[bool]]:
        """Which classes each patient has, by patient in order."""
        return {
            str(patient): frozenset(map(bool, np.unique(self.labels[self.patients == patient])))
            for patient in np.unique(self.patients)
        }

    def sha256(self) -> str:
        """One digest over the sorted digests of all files: the same for the same images in any layout."""
        return hashlib.sha256(b"\n".join(sorted(self.digests.tolist()))).hexdigest()

    def encoded(self, row: int) -> bytes:
        """The content of one file, as it is stored; threads may call it at the same time.

        Raises:
            FileUnreadable: The file has gone or was changed since it was indexed.
        """
        data = self.source.read(self.files[row])
        if hashlib.sha256(data).hexdigest().encode() != self.digests[row]:
            raise FileUnreadable(self.files[row].path, "it was changed while it was in use")
        return data

    def decode(self, row: int) -> NDArray[np.uint8]:
        """One patch, RGB, uint8, shape (50, 50, 3), values 0-255; an image of another size is scaled.

        Raises:
            FileUnreadable: The file has gone or was changed since it was indexed.
        """
        return decode_patch(self.encoded(row), height_px=PATCH.height_px, width_px=PATCH.width_px)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one reading of a file told."""

    digest: str
    height_px: int
    width_px: int


def index_patches(source: PatchSource, progress: Progress, *, skip_unreadable: bool) -> PatchIndex:
    """Read and decode all images once.

    An image whose sides or bytes are not a patch's is left out: the public set has strips, cut at the edge of a slide.

    Args:
        source: Where the images are.
        progress: Told of each image.
        skip_unreadable: Leave out what cannot be read, too, instead of ending at the first such file.

    Returns:
        What is known of each image, in the order of the source, and of each file that was left out.

    Raises:
        FileUnreadable: A file cannot be read or is no image of a patch, and is not to be left out.
    """
    listing = source.listing
    seen: list[_Seen] = []
    left_out: list[LeftOut] = []
    for file in listing.left_out:
        _keep(file, left_out, skip_unreadable=skip_unreadable)
    files, count = listing.files, len(listing.files)
    kept: list[PatchFile] = []
    for row, result in enumerate(_look_at_all(source)):
        if isinstance(result, LeftOut):
            _keep(result, left_out, skip_unreadable=skip_unreadable)
        else:
            kept.append(files[row])
            seen.append(result)
        progress("reading patches", row + 1, count)
    return _index(source, kept, seen, left_out)


def _keep(file: LeftOut, left_out: list[LeftOut], *, skip_unreadable: bool) -> None:
    if file.reason is Reason.UNREADABLE and not skip_unreadable:
        raise FileUnreadable(file.path, file.detail)
    left_out.append(file)


def _index(source: PatchSource, kept: list[PatchFile], seen: list[_Seen], left_out: list[LeftOut]) -> PatchIndex:
    return PatchIndex(
        source,
        tuple(kept),
        labels=np.array([file.label == 1 for file in kept], np.bool_),
        patients=np.array([file.patient for file in kept], np.str_),
        names=np.array([file.name for file in kept], np.str_),
        digests=np.array([one.digest for one in seen], "S64"),
        sizes_px=np.array([(one.height_px, one.width_px) for one in seen], np.int32).reshape(-1, 2),
        left_out=tuple(left_out),
    )


def _look(source: PatchSource, file: PatchFile) -> _Seen | LeftOut:
    try:
        data = source.read(file)
        header = inspect_image(data)
    except FileUnreadable as exc:
        return LeftOut(file.path, Reason.UNREADABLE, exc.reason)
    except UnsupportedSize as exc:
        return LeftOut(file.path, Reason.NO_PATCH_SIZE, exc.measured)
    except PatchError as exc:
        return LeftOut(file.path, Reason.UNREADABLE, str(exc))
    return _Seen(hashlib.sha256(data).hexdigest(), header.height_px, header.width_px)


def _look_at_all(source: PatchSource) -> Iterator[_Seen | LeftOut]:
    """Look at the files with a small pool of threads, in their order, a bounded number of them ahead."""
    waiting: deque[Future[_Seen | LeftOut]] = deque()
    files = iter(source.listing.files)
    with ThreadPoolExecutor(_READERS) as readers:
        waiting.extend(readers.submit(_look, source, file) for file in islice(files, _LOOK_AHEAD))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(readers.submit(_look, source, file) for file in islice(files, 1))
            yield result
