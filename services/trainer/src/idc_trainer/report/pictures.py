"""The report's parts that show tissue: slides put together again, and the worst errors."""

from collections.abc import Callable
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.report.mosaic import mosaics, picture

MOST_SLIDES: Final = 40
MOST_ERRORS: Final = 24

ImageOf = Callable[[int], NDArray[np.uint8]]


def slides(scored: ScoredPatches, image_of: ImageOf) -> str:
    """The mosaics of the first patients whose patches have places."""
    patients = np.unique(scored.patients).tolist()
    made = {patient: _slide(scored, patient, image_of) for patient in patients[:MOST_SLIDES]}
    parts = list(made.values())
    if placeless := [patient for patient, slide in made.items() if not slide]:
        parts.append(f"<p>File names say no place in a slide: {escape(', '.join(placeless))}.</p>")
    if len(patients) > MOST_SLIDES:
        left = ", ".join(patients[MOST_SLIDES:][:10])
        parts.append(f"<p>{len(patients) - MOST_SLIDES} more patients are not shown ({escape(left)} and so on).</p>")
    return "".join(parts)


def _slide(scored: ScoredPatches, patient: str, image_of: ImageOf) -> str:
    rows = np.flatnonzero(scored.patients == patient)
    made = mosaics(scored.rows(rows), lambda row: image_of(int(rows[row])))
    if made is None:
        return ""
    names = ("tissue", "P(IDC): red is IDC, blue is none", "truth: red is IDC, blue is none")
    figures = "".join(_figure(pixels, patient, name) for pixels, name in zip(made, names, strict=True))
    return f"<h3>Patient {escape(patient)}</h3><div class='slides'>{figures}</div>"


def _figure(pixels: NDArray[np.uint8], patient: str, name: str) -> str:
    element = picture(pixels, f"slide of patient {patient}, {name}")
    return f"<figure>{element}<figcaption>{escape(name)}</figcaption></figure>"


def worst_errors(scored: ScoredPatches, image_of: ImageOf) -> str:
    """The false negatives with the lowest and the false positives with the highest P(IDC)."""
    missed = np.flatnonzero(scored.labels & scored.called_no_idc)
    alarms = np.flatnonzero(~scored.labels & scored.called_idc)
    missed = missed[np.argsort(scored.probability[missed], kind="stable")]
    alarms = alarms[np.argsort(-scored.probability[alarms], kind="stable")]
    return (
        f"<h3>IDC that was called <code>no_idc</code>: {len(missed)}</h3>{_gallery(scored, missed, image_of)}"
        f"<h3>No IDC that was called <code>idc</code>: {len(alarms)}</h3>{_gallery(scored, alarms, image_of)}"
    )


def _gallery(scored: ScoredPatches, rows: NDArray[np.intp], image_of: ImageOf) -> str:
    figures = "".join(
        f"<figure>{picture(image_of(int(row)), f'patch {scored.names[row]}', lossless=True)}"
        f"<figcaption>{scored.probability[row]:.3f}<br>{escape(str(scored.names[row]))}</figcaption></figure>"
        for row in rows[:MOST_ERRORS]
    )
    return f"<div class='gallery'>{figures}</div>" if len(rows) else "<p>None.</p>"
