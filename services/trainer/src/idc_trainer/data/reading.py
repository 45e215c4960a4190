"""Reads a data set and warns of what a person must know about it."""

import logging
from dataclasses import dataclass
from pathlib import Path

from idc_trainer.data.check import check_data
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.report_lines import warning_lines
from idc_trainer.data.source import PatientsFrom
from idc_trainer.progress import Progress

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataSet:
    path: Path
    """A folder, a zip or a CSV file."""
    patients_from: PatientsFrom = PatientsFrom.NAMES
    skip_unreadable: bool = False


def read_patches(data: DataSet, progress: Progress) -> PatchIndex:
    """Read all patches once; unused files and contradicting files are logged as warnings.

    Raises:
        DataError: They cannot be read.
    """
    source = open_patches(data.path, data.patients_from)
    index = index_patches(source, progress, skip_unreadable=data.skip_unreadable)
    for line in warning_lines(check_data(index)):
        _LOG.warning("%s", line)
    return index
