"""Slides as vendors' scanners write them, as far as OpenSlide looks: Leica SCN, Hamamatsu NDPI."""

import io
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

_SCN = """<?xml version="1.0" encoding="utf-8"?>
<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:1">
<collection name="made" uuid="urn:uuid:2" sizeX="{collection[0]}" sizeY="{collection[1]}">{images}</collection>
</scn>"""
_SCN_IMAGE = """<image name="{name}" uuid="urn:uuid:{name}"><creationDate>2026-01-01T00:00:00Z</creationDate>
<device model="made" version="1"/><pixels sizeX="{size[0]}" sizeY="{size[1]}">{dimensions}</pixels>
<view sizeX="{view[0]}" sizeY="{view[1]}" offsetX="0" offsetY="0"/><scanSettings><objectiveSettings>
<objective>20</objective></objectiveSettings><illuminationSettings><numericalAperture>0.4</numericalAperture>
<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>"""


def write_scn(path: Path, pixels: Pixels, um_per_px: float) -> Path:
    """A BigTIFF with Leica's XML: a macro image of the glass, and the slide, in the corner and a ninth of it."""
    view = [round(side * um_per_px * 1000) for side in pixels.shape[1::-1]]
    glass = [3 * side for side in view]  # what covers the whole of it is a macro image
    levels = [pixels, _reduced(pixels, 4)]
    macro = np.full((256, 256, 3), 200, np.uint8)
    xml = _SCN.format(
        collection=glass, images=_scn_image("macro", [macro], glass, 0) + _scn_image("slide", levels, view, 1)
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, image in enumerate([macro, *levels]):
            resolution = 1e4 / um_per_px * image.shape[1] / pixels.shape[1]
            tiff.write(
                image,
                tile=(256, 256),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"level": 95},
                description=xml if number == 0 else None,
                resolution=(resolution, resolution),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    return path


def write_ndpi(path: Path, pixels: Pixels, um_per_px: float, power: float = 20.0) -> Path:
    """A TIFF with Hamamatsu's tags, whose images are one JPEG each: two levels and a macro image."""
    with tifffile.TiffWriter(path) as tiff:
        for factor, lens in ((1, power), (4, power / 4), (16, -1.0)):
            image = _reduced(pixels, factor)
            jpeg = io.BytesIO()
            Image.fromarray(image).save(jpeg, "JPEG", quality=95, subsampling=0)
            resolution = 1e4 / (um_per_px * factor)
            tiff.write(
                iter([jpeg.getvalue()]),
                shape=image.shape,
                dtype=np.uint8,
                photometric="ycbcr",
                compression="jpeg",
                subsampling=(1, 1),
                rowsperstrip=len(image),
                resolution=(resolution, resolution),
                resolutionunit="CENTIMETER",
                metadata=None,
                software="NDP.scan",
                extratags=[
                    (271, "s", 0, "Hamamatsu", True),
                    (272, "s", 0, "made", True),
                    (65420, "I", 1, 1, True),
                    (65421, "f", 1, lens, True),
                    *((tag, "i", 1, 0, True) for tag in (65422, 65423, 65424)),
                    (65427, "s", 0, "made", True),
                ],
            )
    return path


def _scn_image(name: str, levels: list[Pixels], view: list[int], first_ifd: int) -> str:
    dimensions = "".join(
        f'<dimension sizeX="{level.shape[1]}" sizeY="{level.shape[0]}" r="{number}" ifd="{first_ifd + number}"/>'
        for number, level in enumerate(levels)
    )
    return _SCN_IMAGE.format(name=name, size=levels[0].shape[1::-1], view=view, dimensions=dimensions)


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    return np.asarray(Image.fromarray(pixels).reduce(factor))
