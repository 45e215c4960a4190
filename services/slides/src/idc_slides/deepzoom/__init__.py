"""The DeepZoom description of a slide, and where its tiles lie."""

from idc_slides.deepzoom.pyramid import DeepZoom, Tile, jpeg, part_of

__all__ = ["DeepZoom", "Tile", "jpeg", "part_of"]
