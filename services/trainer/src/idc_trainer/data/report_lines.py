"""The findings on a data set as lines of text."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Final

from idc_trainer.data.check import DataReport, Duplicate, SamePlace
from idc_trainer.data.left_out import NAMES_ALL, SHOWN, tell_left_out
from idc_trainer.data.source import PatientsFrom
from idc_trainer.errors import printable

_SHOWN: Final = 20
"""Odd sizes, duplicates and places that are listed; the JSON report lists all."""

_PATIENTS_FROM: Final = {
    PatientsFrom.NAMES: "the file names",
    PatientsFrom.FOLDERS: "the folders above the class folders (--patient-from folders)",
    PatientsFrom.LIST: "the CSV file",
}


def report_json(report: DataReport) -> str:
    """The report as one JSON object, ASCII, indented, with a final line break."""
    return json.dumps(asdict(report), indent=2) + "\n"


def report_lines(report: DataReport) -> Iterator[str]:
    """All findings but the table of patients; long lists are cut."""
    confounding = report.confounding
    yield f"Data set {printable(report.data)}, SHA-256 {report.sha256}"
    yield f"Patients with both classes: {confounding.patients_with_both_classes} of {len(report.patients)}"
    yield (
        f"Confounding: predicting the class from the patient is right for {confounding.by_patient:.1%} of the patches, "
        f"predicting the more frequent class for {confounding.by_majority:.1%}"
    )
    yield f"Patients are taken from: {_PATIENTS_FROM[report.patients_from]}"
    sizes = (f"{printable(odd.path)}: {odd.width_px} x {odd.height_px} px" for odd in report.odd_sizes)
    yield from _list("Not 50 x 50 px, will be scaled", len(report.odd_sizes), sizes, _SHOWN)
    yield from _list("Identical files", len(report.duplicates), map(_duplicate, report.duplicates), _SHOWN)
    places = map(_same_place, report.same_places)
    yield from _list("Places with different files", len(report.same_places), places, _SHOWN)
    yield f"Files left out: {len(report.left_out)}"
    yield from (*tell_left_out(report.left_out), *map(printable, report.notes))


def warning_lines(report: DataReport) -> Iterator[str]:
    """What a person must know before training: unused files, and files that contradict each other."""
    yield from (*tell_left_out(report.left_out), *map(printable, report.notes))
    groups = [group for group in report.duplicates if group.across_patients or group.across_classes]
    if groups:
        title = "Identical files of different patients or classes"
        yield from _list(title, len(groups), map(_duplicate, groups), SHOWN)
    places = [place for place in report.same_places if place.across_classes]
    if places:
        yield from _list("Places with both labels", len(places), map(_same_place, places), SHOWN)


def _list(title: str, count: int, entries: Iterator[str], shown: int) -> Iterator[str]:
    yield f"{title}: {count}"
    yield from (f"  {entry}" for entry in islice(entries, shown))
    if count > shown:
        yield f"  ... and {count - shown} more: {NAMES_ALL}"


def _duplicate(group: Duplicate) -> str:
    patients = (
        f", of different patients ({', '.join(map(printable, group.patients))})!" if group.across_patients else ""
    )
    classes = ", of different classes!" if group.across_classes else ""
    return " = ".join(map(printable, group.paths)) + patients + classes


def _same_place(place: SamePlace) -> str:
    warning = ", of different classes!" if place.across_classes else ""
    paths = ", ".join(map(printable, place.paths))
    return f"{printable(place.patient)} x {place.x_px} y {place.y_px}: {paths}{warning}"
