"""Checks a data set: what is wrong with it, and how well the patient alone predicts the class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from idc_contracts.bundle import PATCH
from idc_modelio.patches import MAX_SIDE_PX, MIN_SIDE_PX
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.left_out import LeftOut, Reason, count_reasons, summarise
from idc_trainer.data.source import PatientsFrom
from idc_trainer.errors import DataEmpty, DataUnreadable, OneClassOnly, TooFewPatients


@dataclass(frozen=True)
class PatientCount:
    patient: str
    negatives: int
    positives: int


@dataclass(frozen=True)
class OddSize:
    """A patch that is not 50 x 50 px and will be scaled."""

    path: str
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Duplicate:
    """Files of identical content."""

    sha256: str
    paths: tuple[str, ...]
    patients: tuple[str, ...]
    """Each once; with two, the file could be on two sides of a split."""
    labels: tuple[int, ...]
    """Each once; with two, one of the labels is wrong."""
    across_patients: bool
    across_classes: bool


@dataclass(frozen=True)
class SamePlace:
    """Files of different content at one position of one slide."""

    patient: str
    x_px: int
    y_px: int
    paths: tuple[str, ...]
    across_classes: bool
    """The files have both labels; one of them is wrong."""


@dataclass(frozen=True)
class Confounding:
    """How well the patient alone predicts the class; accuracies, 0-1.

    A model that recognises a patient's staining reaches `by_patient` without any knowledge of cancer if patients are
    on both sides of a split.
    """

    by_patient: float
    """Predicting the more frequent class of the patch's patient."""
    by_majority: float
    """Predicting the more frequent class of all patches."""
    patients_with_both_classes: int


@dataclass(frozen=True)
class DataReport:
    data: str
    sha256: str
    """Digest of the data set; see PatchIndex.sha256."""
    patches: int
    negatives: int
    positives: int
    patients: tuple[PatientCount, ...]
    confounding: Confounding
    patients_from: PatientsFrom
    notes: tuple[str, ...]
    """How the files were interpreted."""
    left_out_counts: dict[str, int]
    """Numbers of unused files by reason."""
    left_out: tuple[LeftOut, ...]
    """Every unused file."""
    odd_sizes: tuple[OddSize, ...]
    duplicates: tuple[Duplicate, ...]
    same_places: tuple[SamePlace, ...]


def check_data(index: PatchIndex) -> DataReport:
    patients = tuple(_count_patients(index))
    positives = int(index.labels.sum())
    return DataReport(
        data=str(index.source.root),
        sha256=index.sha256(),
        patches=len(index),
        negatives=len(index) - positives,
        positives=positives,
        patients=patients,
        confounding=_confounding(patients),
        patients_from=index.source.listing.patients_from,
        notes=tuple(index.source.listing.notes),
        left_out_counts=count_reasons(index.left_out),
        left_out=index.left_out,
        odd_sizes=tuple(_odd_sizes(index)),
        duplicates=tuple(_duplicates(index)),
        same_places=tuple(_same_places(index)),
    )


def require_trainable(index: PatchIndex) -> None:
    """Refuse data on which no model can be trained and measured.

    Raises:
        DataEmpty: No file is a readable patch.
        OneClassOnly: All patches are of one class.
        TooFewPatients: There are fewer patients than sides: training, validation and test.
    """
    require_patches(index)
    root, patients = index.source.root, len(np.unique(index.patients))
    left_out = f"; not used: {summarise(index.left_out)}" if index.left_out else ""
    if len(np.unique(index.labels)) < 2:
        raise OneClassOnly(f"{root} has one class only: bring patches of class 0 and of class 1{left_out}")
    if patients < 3:
        raise TooFewPatients(f"{patients} patients are too few to train, validate and test: bring at least 3{left_out}")


def require_patches(index: PatchIndex) -> None:
    """Raise `DataEmpty` if there is no patch; its text describes the files found."""
    if not len(index):
        raise DataEmpty(
            f"no file of {index.source.root} can be used ({summarise(index.left_out)}): bring patches as 8-bit RGB "
            f"images with sides from {MIN_SIDE_PX} to {MAX_SIDE_PX} px"
        )


def require_readable(report: DataReport) -> None:
    """Raise `DataUnreadable` if a file cannot be read; its text names the first."""
    damaged = [file for file in report.left_out if file.reason is Reason.UNREADABLE]
    if damaged:
        raise DataUnreadable(
            f"{len(damaged)} of {report.patches + len(report.left_out)} files cannot be read, the first is "
            f"{damaged[0].path!r}: repair them, move them out of the data or leave them out with --skip-unreadable"
        )


def _count_patients(index: PatchIndex) -> Iterator[PatientCount]:
    patients, rows = np.unique(index.patients, return_inverse=True)
    positives = np.bincount(rows[index.labels], minlength=len(patients))
    totals = np.bincount(rows, minlength=len(patients))
    for patient, total, positive in zip(patients.tolist(), totals.tolist(), positives.tolist(), strict=True):
        yield PatientCount(patient, total - positive, positive)


def _confounding(patients: tuple[PatientCount, ...]) -> Confounding:
    negatives, positives = sum(p.negatives for p in patients), sum(p.positives for p in patients)
    patches = max(negatives + positives, 1)
    return Confounding(
        by_patient=sum(max(p.negatives, p.positives) for p in patients) / patches,
        by_majority=max(negatives, positives) / patches,
        patients_with_both_classes=sum(p.negatives > 0 and p.positives > 0 for p in patients),
    )


def _odd_sizes(index: PatchIndex) -> Iterator[OddSize]:
    odd = (index.sizes_px != (PATCH.height_px, PATCH.width_px)).any(axis=1)
    for row in np.flatnonzero(odd).tolist():
        height_px, width_px = index.sizes_px[row].tolist()
        yield OddSize(index.files[row].path, width_px, height_px)


def _duplicates(index: PatchIndex) -> Iterator[Duplicate]:
    rows_of: dict[bytes, list[int]] = {}
    for row, digest in enumerate(index.digests.tolist()):
        rows_of.setdefault(digest, []).append(row)
    for digest, rows in rows_of.items():
        if len(rows) > 1:
            paths = tuple(index.files[row].path for row in rows)
            patients = tuple(np.unique(index.patients[rows]).tolist())
            labels = tuple(np.unique(index.labels[rows]).astype(int).tolist())
            yield Duplicate(digest.decode(), paths, patients, labels, len(patients) > 1, len(labels) > 1)


def _same_places(index: PatchIndex) -> Iterator[SamePlace]:
    """Positions with files of different content; identical files are reported as duplicates."""
    rows_at: dict[tuple[str, int, int], list[int]] = {}
    for row, file in enumerate(index.files):
        if place := file.place:
            rows_at.setdefault((file.patient, place.x_px, place.y_px), []).append(row)
    for (patient, x_px, y_px), rows in rows_at.items():
        if len({index.digests[row] for row in rows}) > 1:
            paths = tuple(index.files[row].path for row in rows)
            yield SamePlace(patient, x_px, y_px, paths, len({bool(index.labels[row]) for row in rows}) > 1)
