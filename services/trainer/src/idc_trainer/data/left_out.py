"""Unused files of a data set: each is counted and listed, with the reason."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from idc_trainer.errors import printable

SHOWN: Final = 10
"""Files per reason that the terminal lists; the JSON report lists all."""

NAMES_ALL: Final = "`idc-trainer data check --json FILE` lists all"


class Reason(StrEnum):
    NO_IMAGE = "no image by its name"
    HIDDEN = "hidden"
    NO_CLASS_FOLDER = "in no class folder"
    SAME_AGAIN = "the same patch again"
    NO_PATCH_SIZE = "no patch by its size"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One unused file, or an unused folder with all its content."""

    path: str
    """As in `PatchFile.path`; a folder ends with `/`."""
    reason: Reason
    detail: str
    """What is wrong with this file."""


def count_reasons(left_out: Sequence[LeftOut]) -> dict[str, int]:
    """Numbers of files by reason, of the reasons that occur."""
    reasons = [one.reason for one in left_out]
    return {reason.value: reasons.count(reason) for reason in Reason if reason in reasons}


def tell_left_out(left_out: Sequence[LeftOut], shown: int = SHOWN, more: str = NAMES_ALL) -> Iterator[str]:
    """Lines for people: the number of files of each reason and the first `shown` of them; `more` lists the others."""
    for reason, count in count_reasons(left_out).items():
        yield f"Left out, {reason}: {count}"
        of_reason = [one for one in left_out if one.reason == reason]
        yield from (f"  {printable(one.path)}: {printable(one.detail)}" for one in of_reason[:shown])
        if count > shown:
            yield f"  ... and {count - shown} more: {more}"


def left_out_json(left_out: Sequence[LeftOut]) -> str:
    """All files as one JSON object, ASCII, indented, with a final line break."""
    content = {"counts": count_reasons(left_out), "files": [asdict(one) for one in left_out]}
    return json.dumps(content, indent=2) + "\n"


def summarise(left_out: Sequence[LeftOut]) -> str:
    """One phrase for an error message: each reason with its count and its first file."""
    firsts = {one.reason.value: one for one in reversed(left_out)}
    counts = count_reasons(left_out)
    return "; ".join(f"{count} {reason}, such as {firsts[reason].path}" for reason, count in counts.items())
