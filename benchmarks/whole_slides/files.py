"""The slides that `benchmarks/slides.py` makes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.made_slides import made_slide
from support.slide_files import write_slide

PATCH_MM: Final = 0.2
SLIDE_MM: Final = (20.0, 15.0)


@dataclass(frozen=True)
class MadeFile:
    """A slide that the benchmark makes."""

    tissue: float
    """Share of its patches."""
    size_mm: tuple[float, float] = SLIDE_MM
    um_per_px: float = 0.5
    quality: int = 90
    """Of JPEG."""

    @property
    def name(self) -> str:
        """Of the file."""
        width, height = self.size_mm
        return f"made-{width:g}x{height:g}-{self.tissue:g}-{self.um_per_px:g}-{self.quality}.tiff"

    @property
    def megapixels(self) -> float:
        """Of its finest level."""
        return self.size_mm[0] * self.size_mm[1] / self.um_per_px**2

    def write(self, folder: Path) -> Path:
        """Write it where it is not there yet: stroma with a tumour in its middle, and glass around."""
        path = folder / self.name
        if not path.exists():
            part = path.with_suffix(".part")
            factor = round(4.0 / self.um_per_px)
            pixels = made_slide(self._kinds()).pixels
            write_slide(part, pixels, enlarged_by=factor, levels=factor.bit_length(), coarser=3, quality=self.quality)
            part.rename(path)
        return path

    def _kinds(self) -> list[list[str]]:
        columns, rows = (round(side / PATCH_MM) for side in self.size_mm)
        kinds = [["glass"] * columns for _ in range(rows)]
        high, wide = (round(side * self.tissue**0.5) for side in (rows, columns))
        for row in range((rows - high) // 2, (rows + high) // 2):
            for column in range((columns - wide) // 2, (columns + wide) // 2):
                is_dense = abs(row - rows / 2) < high / 6 and abs(column - columns / 2) < wide / 6
                kinds[row][column] = "tumour" if is_dense else "stroma"
        return kinds


SPARSE: Final = MadeFile(0.3)
FULL: Final = MadeFile(1.0)
FAITHFUL: Final = MadeFile(1.0, quality=97)
"""Its level of 2.0 um per pixel has lost little by its compression, and is the one that is screened."""
OF_300_MEGAPIXELS: Final = MadeFile(1.0, (10.0, 7.5))
AT_40X: Final = MadeFile(1.0, um_per_px=0.25)
ALL: Final = (SPARSE, FULL, FAITHFUL, OF_300_MEGAPIXELS, AT_40X)
