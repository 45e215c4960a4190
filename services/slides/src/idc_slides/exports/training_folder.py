"""Reviewed cells of a slide as a zip that the trainer reads: class folders of patches, named as in the public set."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idc_contracts.slides import CellReview, Slide, SlideVerdict, TrainingPatches
from idc_slides.errors import WrongState

CELL_PX: Final = 50
ABOUT: Final = "about.json"
_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""Of every entry: the same reviews give the same zip."""


@dataclass(frozen=True)
class AgreedCells:
    """What the readers of a slide agree on."""

    is_idc: Mapping[tuple[int, int], bool]
    """By column and row."""
    counts: TrainingPatches


def agreed_cells(reviews: Sequence[CellReview]) -> AgreedCells:
    """The cells for which every reader gave the same answer, other than `unsure`.

    Args:
        reviews: The latest of each reader and cell.
    """
    verdicts: dict[tuple[int, int], set[SlideVerdict]] = {}
    for review in reviews:
        verdicts.setdefault((review.column, review.row), set()).add(review.verdict)
    single = {cell: next(iter(given)) for cell, given in verdicts.items() if len(given) == 1}
    is_idc = {
        cell: verdict is SlideVerdict.IDC for cell, verdict in single.items() if verdict is not SlideVerdict.UNSURE
    }
    idc = sum(is_idc.values())
    counts = TrainingPatches(
        idc=idc,
        no_idc=len(is_idc) - idc,
        unsure=len(single) - len(is_idc),
        disagreements=len(verdicts) - len(single),
    )
    return AgreedCells(is_idc, counts)


def patient_of(slide: Slide) -> str:
    """A patient's name for the trainer from a slide's, where nobody states one: the file's name without its ending."""
    stem = slide.name.rpartition(".")[0] or slide.name
    return re.sub(r"[^A-Za-z0-9-]+", "-", stem).strip("-")[:64] or "slide"


def training_folder(
    slide: Slide, agreed: AgreedCells, patient: str, picture: Callable[[int, int], bytes | None]
) -> Iterator[bytes]:
    """The pieces of the zip, one patch after the other, so that it is never whole in memory.

    `<patient>/<class>/<patient>_idx<N>_x<X>_y<Y>_class<C>.png`, positions in px at 4.0 um/px; N tells slides of one
    patient apart. `about.json` at its end counts what is in it and what was left out.

    Args:
        slide: Whose cells they are.
        agreed: Of `agreed_cells`.
        patient: The name that the trainer splits by.
        picture: Gives the PNG of a column and row; None where it cannot be read.

    Raises:
        WrongState: No cell has an agreed answer.
    """
    if not agreed.is_idc:
        raise WrongState(
            f"no patch of slide {slide.id} has an answer that its readers agree on: review some, then export"
        )
    return _pieces(slide, agreed, patient, picture)


def _pieces(
    slide: Slide, agreed: AgreedCells, patient: str, picture: Callable[[int, int], bytes | None]
) -> Iterator[bytes]:
    sink = _Sink()
    unreadable = 0
    with zipfile.ZipFile(sink, "w") as archive:
        for (column, row), is_idc in agreed.is_idc.items():
            png = picture(column, row)
            if png is None:
                unreadable += 1
                continue
            label = int(is_idc)
            place = f"idx{slide.id.int % 10**6}_x{column * CELL_PX}_y{row * CELL_PX}"
            archive.writestr(_entry(f"{patient}/{label}/{patient}_{place}_class{label}.png"), png)
            yield sink.take()
        about = {"slide": str(slide.id), "patient": patient, **agreed.counts.model_dump(), "unreadable": unreadable}
        archive.writestr(_entry(ABOUT), json.dumps(about, indent=2))
    yield sink.take()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = 0o644 << 16
    return entry


class _Sink(io.RawIOBase):
    """What `zipfile` writes to. It cannot be sought in, so each entry is final once it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._held += piece
        return len(piece)

    def take(self) -> bytes:
        """What was written since the last time."""
        held = bytes(self._held)
        self._held.clear()
        return held
