"""The field of view of a patch: which part of an image of a stated scale the model sees."""

from typing import Final

FIELD_UM: Final = 200.0
"""Side of the square that a patch shows: 50 px of 4 µm, as in the public data set."""

LEAST_FIELD_UM: Final = 190.0
"""An image that is narrower cannot be cut to a patch. Training varies the scale by 5 %."""

MIN_UM_PER_PX: Final = 0.05
MAX_UM_PER_PX: Final = 50.0
"""The scales that an image may state. Scanners reach 0.1, and 10 px of 20 µm show the field."""

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge in px."""


def field_box(width_px: int, height_px: int, um_per_px: float) -> Box | None:
    """The central square of FIELD_UM in an image of a stated scale.

    Args:
        width_px: Of the upright image.
        height_px: Of the upright image.
        um_per_px: Its scale, > 0.

    Returns:
        The box, as large as the image allows where that has only LEAST_FIELD_UM; None where it has less.
    """
    shorter_px = min(width_px, height_px)
    if shorter_px * um_per_px < LEAST_FIELD_UM:
        return None
    side_px = min(FIELD_UM / um_per_px, shorter_px)
    left, upper = (width_px - side_px) / 2, (height_px - side_px) / 2
    return left, upper, left + side_px, upper + side_px
