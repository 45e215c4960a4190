"""Options for the patches that a command reads; they do not import TensorFlow."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idc_trainer.data.reading import DataSet
from idc_trainer.data.source import NAME_FORM, PatientsFrom

_LAYOUTS = "folder of class folders 0 and 1, such as <patient>/<class>/*.png, its zip, or a CSV file path,patient,label"


def add_data(add: Callable[..., Any], *, positional: bool = False) -> None:
    if positional:
        add("data", type=Path, metavar="DATA", help=_LAYOUTS)
    else:
        add("--data", type=Path, required=True, help=_LAYOUTS)
    add(
        "--patient-from",
        choices=(PatientsFrom.NAMES.value, PatientsFrom.FOLDERS.value),
        default=PatientsFrom.NAMES.value,
        help=f"what gives the patient of a patch: names like {NAME_FORM}, or each folder above class folders "
        "(default: %(default)s)",
    )
    add("--skip-unreadable", action="store_true", help="leave out images that cannot be read instead of failing")


def read_data(options: argparse.Namespace) -> DataSet:
    return DataSet(options.data, PatientsFrom(options.patient_from), options.skip_unreadable)
