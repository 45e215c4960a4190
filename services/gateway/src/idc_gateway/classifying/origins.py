"""Where a patch is from, read from its file's name."""

import re
from typing import Final

from idc_gateway.results.classifications import UNKNOWN_ORIGIN, PatchOrigin

MAX_NAME_LENGTH: Final = 255
MAX_SLIDE_LENGTH: Final = 128
MAX_COORDINATE_PX: Final = 10_000_000
"""No slide is so wide: a whole-slide scan at 40x has some 200,000 px."""

_PUBLIC_NAME: Final = re.compile(
    r"(?P<slide>(?P<patient>[0-9]{1,16})_idx[0-9]{1,4})_x(?P<x>[0-9]{1,7})_y(?P<y>[0-9]{1,7})_class[01]\.[A-Za-z]{3,4}"
)
"""Files of the public set (Janowczyk & Madabhushi 2016): `8975_idx5_x801_y1001_class1.png`; x and y are pixels of the
patches themselves, at 2.5x. The class in the name is the set's own truth; nothing here reads it."""

_QUPATH_NAME: Final = re.compile(
    rf"(?P<slide>.{{1,{MAX_SLIDE_LENGTH}}}) "
    r"\[(d=[0-9.,]{1,16},)?x=(?P<x>-?[0-9]{1,7}),y=(?P<y>-?[0-9]{1,7}),w=(?P<w>[0-9]{1,7}),h=(?P<h>[0-9]{1,7})\]"
    r"(\.[A-Za-z0-9]{1,5}){1,2}"
)
"""Files of QuPath's TileExporter: `slide [d=16,x=4096,y=8192,w=800,h=800].png`; x, y, w and h are pixels of the slide
at full resolution, whatever the downsample. A tile of another focal plane or time point (`,z=1`, `,t=1`) is not read:
here a place has two dimensions."""


def safe_name(given: str) -> str:
    """A sender's file name as it may be stored and shown: its last part, printable, at most 255 characters."""
    last = re.split(r"[/\\]", given)[-1]
    if not last.isprintable():  # half of a surrogate pair is not
        last = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last)
    return last[:MAX_NAME_LENGTH]


def origin_of(name: str, given: PatchOrigin = UNKNOWN_ORIGIN) -> PatchOrigin:
    """The sender's labels of a patch; missing ones are read from its name."""
    read = _origin_in(name)
    if read is UNKNOWN_ORIGIN:
        return given
    if given.x is not None or given.y is not None:
        # A place that was given has nothing to do with the extents in the name.
        read = PatchOrigin(read.patient, read.slide, read.x, read.y)
    labels = {part: value for part, value in vars(given).items() if value is not None}
    return PatchOrigin(**{**vars(read), **labels})


def _origin_in(name: str) -> PatchOrigin:
    if match := _PUBLIC_NAME.fullmatch(name):
        return PatchOrigin(match["patient"], match["slide"], int(match["x"]), int(match["y"]))
    if (match := _QUPATH_NAME.fullmatch(name)) and int(match["w"]) and int(match["h"]):
        x, y, w, h = (int(match[part]) for part in "xywh")
        return PatchOrigin(None, match["slide"], x, y, w, h)
    return UNKNOWN_ORIGIN
