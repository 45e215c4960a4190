"""An image in strips: what is computed of each takes little memory, however large the slide is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

STRIP_PX: Final = 2**18
"""What is computed of so many pixels stays in the processor's caches."""
LEAST_ROWS: Final = 32
"""Of a strip, however wide the image is: the rows around it are computed twice."""


@dataclass(frozen=True)
class Strip:
    """Some rows of an image."""

    rows: slice
    around: slice
    """The same with the rows on both sides at which filters look."""

    @property
    def within(self) -> slice:
        """The strip's rows, counted from the first of `around`."""
        return slice(self.rows.start - self.around.start, self.rows.stop - self.around.start)


def strips(shape: tuple[int, int], reach_px: int = 0) -> Iterator[Strip]:
    """Cut an image of this height and width into strips; filters look `reach_px` rows beyond each."""
    height, width = shape
    step = max(LEAST_ROWS, STRIP_PX // width)
    for top in range(0, height, step):
        bottom = min(height, top + step)
        yield Strip(slice(top, bottom), slice(max(0, top - reach_px), min(height, bottom + reach_px)))
