"""Finds out what the data is stored in: a folder, a zip or a CSV file that lists the images."""

import zipfile
from pathlib import Path

from idc_trainer.data.archive import open_zip
from idc_trainer.data.folder import open_folder
from idc_trainer.data.manifest import COLUMNS, open_manifest
from idc_trainer.data.source import PatchSource
from idc_trainer.errors import DataEmpty


def open_patches(path: Path) -> PatchSource:
    """List the patches of a data set, without reading the images.

    A folder or a zip holds `<patient>/<class>/*.png` (the public data set) or `<class>/*.png` with the patient in the
    file's name (the system of 2018), class 0 or 1, below any folders. A CSV file has the columns path, patient, label.

    Raises:
        DataEmpty: There is nothing at `path`, or no patch in it.
        DataUnreadable: A folder, the zip, the CSV file, or an image that this lists cannot be read.
        WrongLabel: A class is neither 0 nor 1, or a file's name says another class or patient than its place.
        PatientUnknown: Nothing says whose patch a file is.
        ManifestWrong: The CSV file has another form.
    """
    if not path.exists():
        raise DataEmpty(f"the data {path} is not there: name a folder of <patient>/<class>/*.png, a zip or a CSV file")
    source = _open(path)
    if not source.files:
        raise DataEmpty(
            f"no <patient>/<class>/*.png in {path}: name the folder that holds the patients' folders, the public "
            f"data set's zip, or a CSV file {','.join(COLUMNS)}"
        )
    return source


def _open(path: Path) -> PatchSource:
    if path.is_dir():
        return open_folder(path)
    if path.suffix.lower() == ".csv":
        return open_manifest(path)
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return open_zip(path)
    raise DataEmpty(f"{path} is neither a folder nor a .zip nor a .csv file: name one of these")
