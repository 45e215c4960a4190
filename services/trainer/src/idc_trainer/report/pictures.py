"""The report's parts that show tissue: reassembled slides and the worst errors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.report.mosaic import data_uri, mosaics

MOST_SLIDES: Final = 40
MOST_ERRORS: Final = 24

_VIEWS: Final = ("tissue", "P(IDC): red is IDC, blue is no IDC", "truth: red is IDC, blue is no IDC")

ImageOf = Callable[[int], NDArray[np.uint8]]
"""The pixels of a row of the scored patches: RGB, uint8, shape (side, side, 3)."""


@dataclass(frozen=True)
class Image:
    """A picture with its alternative text."""

    text: str
    caption: str
    uri: str


@dataclass(frozen=True)
class Slides:
    """The slides of the first patients."""

    shown: dict[str, tuple[Image, ...]]
    """By patient: the tissue, and P(IDC) and truth over it."""
    without_places: tuple[str, ...]
    """Patients whose file names give no position in a slide."""
    not_shown: tuple[str, ...]
    """Patients after the first `MOST_SLIDES`."""


@dataclass(frozen=True)
class Errors:
    """The wrong decisions of one kind."""

    count: int
    worst: tuple[Image, ...]
    """At most `MOST_ERRORS`, the worst first."""


def slides(scored: ScoredPatches, image_of: ImageOf) -> Slides:
    """Reassemble the slides of the first patients."""
    patients = np.unique(scored.patients).tolist()
    images_of = {patient: _slide(scored, patient, image_of) for patient in patients[:MOST_SLIDES]}
    return Slides(
        {patient: images for patient, images in images_of.items() if images},
        tuple(patient for patient, images in images_of.items() if not images),
        tuple(patients[MOST_SLIDES:]),
    )


def _slide(scored: ScoredPatches, patient: str, image_of: ImageOf) -> tuple[Image, ...]:
    rows = np.flatnonzero(scored.patients == patient)
    pictures = mosaics(scored.rows(rows), lambda row: image_of(int(rows[row]))) or ()
    return tuple(
        Image(f"slide of patient {patient}, {view}", view, data_uri(pixels))
        for pixels, view in zip(pictures, _VIEWS, strict=False)
    )


def missed_cancers(scored: ScoredPatches, image_of: ImageOf) -> Errors:
    """IDC decided as `no_idc`, lowest P(IDC) first."""
    return _errors(scored, scored.labels & scored.called_no_idc, scored.probability, image_of)


def false_alarms(scored: ScoredPatches, image_of: ImageOf) -> Errors:
    """No IDC decided as `idc`, highest P(IDC) first."""
    return _errors(scored, ~scored.labels & scored.called_idc, -scored.probability, image_of)


def _errors(scored: ScoredPatches, wrong: NDArray[np.bool_], order: NDArray[np.float32], image_of: ImageOf) -> Errors:
    rows = np.flatnonzero(wrong)
    rows = rows[np.argsort(order[rows], kind="stable")]
    worst = (
        Image(
            f"patch {scored.names[row]}",
            f"{scored.probability[row]:.3f} {scored.names[row]}",
            data_uri(image_of(row), lossless=True),
        )
        for row in rows[:MOST_ERRORS].tolist()
    )
    return Errors(len(rows), tuple(worst))
