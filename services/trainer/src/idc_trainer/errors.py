"""What can go wrong while training, and the exit code that each error ends the command with.

TrainerError                    1
├── DataError                   (ValueError)
│   ├── DataEmpty               10
│   ├── DataUnreadable          11
│   │   └── FileUnreadable      11
│   ├── WrongLabel              12
│   ├── OneClassOnly            13
│   ├── TooFewPatients          14
│   ├── PatientUnknown          22
│   └── ManifestWrong           23
├── SplitError                  15 (ValueError)
├── WeightsError                (ValueError)
│   ├── WeightsMissing          16
│   └── WeightsChanged          17
├── OutputUnwritable            18 (OSError)
├── OutputFull                  24 (OSError)
├── CacheDamaged                25 (ValueError)
├── BundleInvalid               26 (ValueError)
├── WrongSetting                27 (ValueError)
├── ParityFailed                19 (RuntimeError)
├── OperatingPointUnreachable   20 (RuntimeError)
└── CalibrationFailed           21 (RuntimeError)

Ctrl-C ends the command with 130, a wrong option with 2, as shells and argparse do.
"""

import errno
from pathlib import Path
from typing import ClassVar


def printable(text: str) -> str:
    """Text as it can be shown on one line: line breaks and control characters are escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class TrainerError(Exception):
    """Base of this package's errors; its text is one line that names the value and the remedy.

    The line stays one whatever the value is: file names may hold any character.
    """

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class DataError(TrainerError, ValueError):
    """The data set cannot be trained on."""


class DataEmpty(DataError):
    """The data folder is not there or holds no patch."""

    exit_code = 10


class DataUnreadable(DataError):
    """An image of the data set is damaged or cannot be read."""

    exit_code = 11


class FileUnreadable(DataUnreadable):
    """One image of the data set is damaged or cannot be read, and could be left out."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}; move the file out of the data or leave it out with --skip-unreadable")


class WrongLabel(DataError):
    """A folder, a file name or a list says a class that does not exist, or two classes or patients that differ."""

    exit_code = 12


class OneClassOnly(DataError):
    """A side of the split, or all of the data, lacks a class."""

    exit_code = 13


class TooFewPatients(DataError):
    """There are too few patients to train, validate and test on different ones."""

    exit_code = 14


class PatientUnknown(DataError):
    """Neither a folder nor a file name says whose patch a file is."""

    exit_code = 22


class ManifestWrong(DataError):
    """The CSV file that lists the patches has another form."""

    exit_code = 23


class SplitError(TrainerError, ValueError):
    """The split names an unknown patient, or puts a patient or an identical file on two sides."""

    exit_code = 15


class WeightsError(TrainerError, ValueError):
    """The backbone's weights cannot be used."""


class WeightsMissing(WeightsError):
    """The file of weights is not there."""

    exit_code = 16


class WeightsChanged(WeightsError):
    """The file of weights is not the one that was checked, or holds what weights do not need."""

    exit_code = 17


class OutputUnwritable(TrainerError, OSError):
    """The bundle cannot be written."""

    exit_code = 18


class OutputFull(TrainerError, OSError):
    """There is no space left where something is to be written."""

    exit_code = 24


def output_error(place: Path, exc: OSError) -> OutputUnwritable | OutputFull:
    """What is told of a failed writing below `place`."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputFull(f"no space is left below {place}: free some and run the same command again")
    return OutputUnwritable(f"cannot write below {place} ({exc.strerror or exc}): name a writable folder")


class CacheDamaged(TrainerError, ValueError):
    """Cached features or a checkpoint cannot be used."""

    exit_code = 25


class BundleInvalid(TrainerError, ValueError):
    """A bundle is not there, was changed, or does not compute what it did when it was made."""

    exit_code = 26


class WrongSetting(TrainerError, ValueError):
    """An option has a value that nothing goes by, or two options contradict each other."""

    exit_code = 27


class ParityFailed(TrainerError, RuntimeError):
    """An exported graph does not compute what Keras computes; no bundle is written."""

    exit_code = 19


class OperatingPointUnreachable(TrainerError, RuntimeError):
    """No pair of thresholds reaches the targets on the validation patients."""

    exit_code = 20


class CalibrationFailed(TrainerError, RuntimeError):
    """The scores of the validation patients cannot be turned into probabilities."""

    exit_code = 21
