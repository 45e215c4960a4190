"""Files of a data set that are not used: each is counted and named, with the reason."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from idc_trainer.errors import printable

SHOWN: Final = 10
"""So many files of each reason are named on the terminal; the JSON report names all."""

NAMES_ALL: Final = "`idc-trainer data check --json FILE` names all"


class Reason(StrEnum):
    """Why a file is not used."""

    NO_IMAGE = "no image by its name"
    HIDDEN = "hidden"
    NO_CLASS_FOLDER = "in no class folder"
    SAME_AGAIN = "the same patch again"
    NO_PATCH_SIZE = "no patch by its size"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One file, or a folder with all that is in it, that is not used."""

    path: str
    """As in `PatchFile.path`; a folder ends with `/`."""
    reason: Reason
    detail: str
    """What is the matter with this very file."""


def count_reasons(left_out: Sequence[LeftOut]) -> dict[str, int]:
    """How many files each reason has, of the reasons that occur."""
    found = [one.reason for one in left_out]
    return {reason.value: found.count(reason) for reason in Reason if reason in found}


def tell_left_out(left_out: Sequence[LeftOut], shown: int = SHOWN, more: str = NAMES_ALL) -> Iterator[str]:
    """Lines for people: how many files each reason has, and the names of the first of them.

    Args:
        left_out: The files.
        shown: So many of each reason are named.
        more: What names the others.
    """
    for reason, count in count_reasons(left_out).items():
        yield f"Left out, {reason}: {count}"
        of_reason = [one for one in left_out if one.reason == reason]
        yield from (f"  {printable(one.path)}: {printable(one.detail)}" for one in of_reason[:shown])
        if count > shown:
            yield f"  ... and {count - shown} more: {more}"


def left_out_json(left_out: Sequence[LeftOut]) -> str:
    """All of them as one JSON object, ASCII, indented, with a line break at its end."""
    content = {"counts": count_reasons(left_out), "files": [asdict(one) for one in left_out]}
    return json.dumps(content, indent=2) + "\n"


def summarise(left_out: Sequence[LeftOut]) -> str:
    """One phrase for an error's text: each reason with its count and its first file."""
    firsts = {one.reason.value: one for one in reversed(left_out)}
    counts = count_reasons(left_out)
    return "; ".join(f"{count} {reason}, such as {firsts[reason].path}" for reason, count in counts.items())
