"""From the file's scale to 4.0 um per pixel: what is to be believed, which level is read, and the grid of cells."""

from idc_slides.scale.choosing import ChosenScale, choose_scale

__all__ = ["ChosenScale", "choose_scale"]
