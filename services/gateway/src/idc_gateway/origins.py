"""Where a patch is from, read from its file's name."""

import re
from typing import Final

from idc_gateway.classifications import UNKNOWN_ORIGIN, PatchOrigin

MAX_NAME_LENGTH: Final = 255
MAX_COORDINATE_PX: Final = 10_000_000
"""No slide is so wide: a whole-slide scan at 40x has some 200,000 px."""

_PUBLIC_NAME: Final = re.compile(
    r"(?P<slide>(?P<patient>[0-9]{1,16})_idx[0-9]{1,4})_x(?P<x>[0-9]{1,7})_y(?P<y>[0-9]{1,7})_class[01]\.[A-Za-z]{3,4}"
)
"""Files of the public set (Janowczyk & Madabhushi 2016): `8975_idx5_x801_y1001_class1.png`. The class in the name is
the set's own truth; nothing here reads it."""


def safe_name(given: str) -> str:
    """A sender's file name as it may be stored and shown: its last part, printable, at most 255 characters."""
    last = re.split(r"[/\\]", given)[-1]
    return "".join(
        c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "\N{REPLACEMENT CHARACTER}" for c in last
    )[:MAX_NAME_LENGTH]


def origin_of(name: str, said: PatchOrigin = UNKNOWN_ORIGIN) -> PatchOrigin:
    """What the sender says of a patch, and what its name tells where the sender says nothing."""
    match = _PUBLIC_NAME.fullmatch(name)
    if match is None:
        return said
    return PatchOrigin(
        patient=said.patient or match["patient"],
        slide=said.slide or match["slide"],
        x=int(match["x"]) if said.x is None else said.x,
        y=int(match["y"]) if said.y is None else said.y,
    )
