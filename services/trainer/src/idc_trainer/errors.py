"""Errors of the trainer, with the exit code of the command: the numbers of sysexits.h, and 2 as argparse uses it.

TrainerError                    1
├── DataError                   65 (ValueError)
│   ├── DataEmpty               66
│   ├── DataUnreadable
│   │   └── FileUnreadable
│   ├── WrongLabel
│   ├── OneClassOnly
│   ├── TooFewPatients
│   ├── PatientUnknown
│   ├── ManifestWrong
│   └── SplitError
├── WeightsError                65 (ValueError)
│   ├── WeightsMissing          66
│   └── WeightsChanged
├── CacheDamaged                65 (ValueError)
├── BundleInvalid               65 (ValueError)
├── NoEarlierVersion            66 (LookupError)
├── PromotionRefused            77
│   ├── CandidateWorse
│   └── CandidateUntested
├── OperatingPointUnreachable   65 (RuntimeError)
├── CalibrationFailed           65 (RuntimeError)
├── ParityFailed                70 (RuntimeError)
├── OutputUnwritable            73 (OSError)
├── OutputFull                  74 (OSError)
└── WrongSetting                2 (ValueError)

Ctrl-C ends a command with 130 and SIGTERM with 143, as shells report them.
"""

import errno
import os
from pathlib import Path
from typing import ClassVar


def printable(text: str) -> str:
    """Text on one line: line breaks and control characters are escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class TrainerError(Exception):
    """Base of this package's errors; its text is one line that names the value and the remedy.

    The line stays one whatever the value is: file names may hold any character.
    """

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class DataError(TrainerError, ValueError):
    """The data set cannot be used."""

    exit_code = os.EX_DATAERR


class DataEmpty(DataError):
    """The data set does not exist or contains no patch."""

    exit_code = os.EX_NOINPUT


class DataUnreadable(DataError):
    """A file of the data set is damaged or cannot be read."""


class FileUnreadable(DataUnreadable):
    """One image is damaged or cannot be read, and could be left out."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}; move the file out of the data or leave it out with --skip-unreadable")


class WrongLabel(DataError):
    """A label is not a known class, or two sources give different labels or patients."""


class OneClassOnly(DataError):
    """All the data, or one side of the split, lacks a class."""


class TooFewPatients(DataError):
    """There are too few patients to train, validate and test on different ones."""


class PatientUnknown(DataError):
    """Neither a folder nor a file name gives the patient of a file."""


class ManifestWrong(DataError):
    """The CSV file that lists the patches is malformed."""


class SplitError(DataError):
    """The split names an unknown patient, or a patient or an identical file is on two sides."""


class WeightsError(TrainerError, ValueError):
    """The weights of the backbone cannot be used."""

    exit_code = os.EX_DATAERR


class WeightsMissing(WeightsError):
    """The file of weights cannot be read or downloaded."""

    exit_code = os.EX_NOINPUT


class WeightsChanged(WeightsError):
    """The file of weights is not the expected one."""


class CacheDamaged(TrainerError, ValueError):
    """Cached features or a checkpoint cannot be used."""

    exit_code = os.EX_DATAERR


class BundleInvalid(TrainerError, ValueError):
    """A bundle is missing, was changed, or fails its self-test."""

    exit_code = os.EX_DATAERR


class NoEarlierVersion(TrainerError, LookupError):
    """There is no version of the model to go back to."""

    exit_code = os.EX_NOINPUT


class PromotionRefused(TrainerError):
    """The candidate was not put in place: it is worse than the serving model, or too few patients could test it."""

    exit_code = os.EX_NOPERM


class CandidateWorse(PromotionRefused):
    """The candidate is worse than the serving model beyond chance."""


class CandidateUntested(PromotionRefused):
    """Too few patients are new to both models."""


class OperatingPointUnreachable(TrainerError, RuntimeError):
    """The thresholds miss a target on the validation patients, and nobody allowed that."""

    exit_code = os.EX_DATAERR


class CalibrationFailed(TrainerError, RuntimeError):
    """The scores of the validation patients cannot be turned into probabilities."""

    exit_code = os.EX_DATAERR


class ParityFailed(TrainerError, RuntimeError):
    """An exported graph does not compute what Keras computes; no bundle is written."""

    exit_code = os.EX_SOFTWARE


class OutputUnwritable(TrainerError, OSError):
    """The output cannot be written."""

    exit_code = os.EX_CANTCREAT


class OutputFull(TrainerError, OSError):
    """The disk is full."""

    exit_code = os.EX_IOERR


class WrongSetting(TrainerError, ValueError):
    """An option has an unusable value, or two options contradict each other."""

    exit_code = 2


def output_error(place: Path, exc: OSError) -> OutputUnwritable | OutputFull:
    """The error for a failed write below `place`."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputFull(f"no space is left below {place}: free some and run the same command again")
    return OutputUnwritable(f"cannot write below {place} ({exc.strerror or exc}): name a writable folder")
