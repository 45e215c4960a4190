"""The DeepZoom description of a slide, and where its tiles lie."""

from idc_slides.deepzoom.pyramid import DeepZoom, Tile, jpeg

__all__ = ["DeepZoom", "Tile", "jpeg"]
