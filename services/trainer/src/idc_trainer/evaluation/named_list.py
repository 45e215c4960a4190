"""Figures on a named list of images, such as one that an older system was reported on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import DataUnreadable
from idc_trainer.evaluation.scored_patches import ScoredPatches


@dataclass(frozen=True)
class NamedList:
    """File names of patches, and what their list is called."""

    title: str
    names: frozenset[str]


@dataclass(frozen=True)
class ListResult:
    """The compiled model's scores of the patches of a list."""

    title: str
    scored: ScoredPatches


def read_list(path: Path, data: PatchIndex) -> NamedList:
    """Read file names, one a line; all must be of the given patients.

    Raises:
        DataUnreadable: The list cannot be read, is empty or names an unknown file.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise DataUnreadable(f"cannot read the list {path} ({exc}): name a text file of file names") from exc
    names = frozenset(line.strip() for line in lines if line.strip())
    unknown = sorted(names - set(data.names.tolist()))
    if unknown or not names:
        raise DataUnreadable(
            f"{path} names {unknown[0] if unknown else 'no file'}: list file names of test patients (--test-patients)"
        )
    return NamedList(path.stem, names)


def score_list(listed: NamedList, test: ScoredPatches) -> ListResult:
    """Pick the listed patches out of the test patients' scores."""
    return ListResult(listed.title, test.rows(np.isin(test.names, sorted(listed.names))))
