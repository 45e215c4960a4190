"""What each reader of a format offers."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class CannotRead(Exception):
    """The file, or a part of it, cannot be read."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Source(Protocol):
    """An open slide. Label and macro images are never read."""

    def facts(self) -> dict[str, Any]:
        """What `idc_slides.facts.SlideFacts` holds, as JSON values."""

    def read(
        self, level: int, left_px: int, top_px: int, size_px: tuple[int, int]
    ) -> tuple[NDArray[np.uint8], float, float]:
        """Read a part of a level.

        Args:
            level: 0 is the finest.
            left_px: In pixels of the level.
            top_px: Likewise.
            size_px: Width and height.

        Returns:
            RGB, uint8, shape (height, width, 3), white where the file holds nothing; and where its first pixel truly
            lies in the level, right and down, which may differ from what was asked by a part of a pixel.

        Raises:
            CannotRead: This part cannot be read; others may be.
        """

    def close(self) -> None: ...
