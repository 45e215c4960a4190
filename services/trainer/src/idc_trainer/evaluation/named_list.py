"""Metrics of a list of images, such as one that an older system was reported on."""

from dataclasses import dataclass
from pathlib import Path

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import DataUnreadable
from idc_trainer.evaluation.scored_patches import ScoredPatches


@dataclass(frozen=True)
class ListResult:
    """The scores of the patches of a list."""

    title: str
    scored: ScoredPatches


def read_list(path: Path, data: PatchIndex) -> frozenset[str]:
    """Read file names, one per line, all of the given patches.

    Raises:
        DataUnreadable: The list cannot be read, is empty or names an unknown file.
    """
    names = frozenset(read_names(path))
    unknown = sorted(names - set(data.names.tolist()))
    if unknown or not names:
        raise DataUnreadable(
            f"{path} names {unknown[0] if unknown else 'no file'}: list file names of test patients (--test-patients)"
        )
    return names


def read_names(path: Path, of: str = "file names") -> list[str]:
    """Read names, one per line, in the order of the file; `of` says in an error what names they are.

    Raises:
        DataUnreadable: The list cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise DataUnreadable(f"cannot read the list {path} ({exc}): name a text file of {of}") from exc
    return [line.strip() for line in lines if line.strip()]
