"""Opens a data set: a folder, a zip or a CSV file that lists the images."""

import zipfile
from pathlib import Path

from idc_trainer.data.archive import open_zip
from idc_trainer.data.folder import open_folder
from idc_trainer.data.left_out import summarise
from idc_trainer.data.manifest import COLUMNS, open_manifest
from idc_trainer.data.source import PatchSource, PatientsFrom
from idc_trainer.errors import DataEmpty, WrongSetting


def open_patches(path: Path, patients_from: PatientsFrom = PatientsFrom.NAMES) -> PatchSource:
    """List the patches of a data set without reading the images.

    A folder or a zip holds images in class folders 0 and 1, below any folders; their names give the patient
    (`source.NAME_FORM`), or each folder above class folders is one patient. A CSV file has the columns path, patient,
    label.

    Raises:
        DataEmpty: There is nothing at `path`, or no patch in it.
        DataUnreadable: The zip, the CSV file, or an image that this lists cannot be read.
        WrongLabel: A class is neither 0 nor 1, or a file's name gives another class or patient than its place.
        PatientUnknown: Nothing gives the patient of a file.
        ManifestWrong: The CSV file is malformed.
        WrongSetting: Patients from folders are asked for of a CSV file.
    """
    if not path.exists():
        raise DataEmpty(f"the data {path} does not exist: pass a folder <patient>/<class>/*.png, a zip or a CSV file")
    source = _open(path, patients_from)
    if not source.listing.files:
        raise DataEmpty(f"there is no patch in {path}{_instead(source)}")
    return source


def _instead(source: PatchSource) -> str:
    left_out = source.listing.left_out
    cause = f" ({summarise(left_out)})" if left_out else ""
    return (
        f"{cause}: pass the folder that holds the patients' folders <patient>/<class>/, with class 0 or 1, the public "
        f"data set's zip, or a CSV file {','.join(COLUMNS)}"
    )


def _open(path: Path, patients_from: PatientsFrom) -> PatchSource:
    if path.is_dir():
        return open_folder(path, patients_from)
    if path.suffix.lower() in (".csv", ".tsv"):
        if patients_from is PatientsFrom.FOLDERS:
            raise WrongSetting(f"{path} lists the patients: omit --patient-from folders")
        return open_manifest(path)
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return open_zip(path, patients_from)
    raise DataEmpty(f"{path} is neither a folder nor a .zip nor a .csv file: pass one of these")
