"""Whether a file's scale is to be believed."""

import math
from typing import Final

FINEST_UM_PER_PX: Final = 0.1
COARSEST_UM_PER_PX: Final = 4.2
"""Scanners' optics give 0.1 to 4 um per pixel; tags of 72, 96 or 300 dpi give 353, 265 or 85."""
MAX_ANISOTROPY: Final = 1.02
"""Between both axes. Scores change with 0.2 % already, so the mean of a greater difference is no scale."""
POWER_TIMES_SCALE_UM: Final = (4.0, 25.0)
"""A 40x objective has some 0.25 um per pixel, a 20x one 0.5; adapters double that, and coarser levels are exported."""


def scale_of(um_per_px_xy: tuple[float | None, float | None], power: float | None) -> tuple[float | None, str | None]:
    """The finest level's um per pixel, and why it is not to be believed; each None where there is none."""
    x, y = um_per_px_xy
    if x is None or y is None or not 0.0 < min(x, y) <= max(x, y) < math.inf:
        return None, None
    if max(x, y) / min(x, y) > MAX_ANISOTROPY:
        return (x + y) / 2, f"the file says {x:.4g} um per pixel across and {y:.4g} down"
    mean = (x + y) / 2
    if not FINEST_UM_PER_PX <= mean <= COARSEST_UM_PER_PX:
        tag = ", which is the resolution of a screen or printer" if mean > 20.0 else ""
        return mean, f"the file says {mean:.4g} um per pixel{tag}"
    low, high = POWER_TIMES_SCALE_UM
    if power is not None and not low <= mean * power <= high:
        return mean, f"the file says {mean:.4g} um per pixel, but an objective of {power:g}x"
    return mean, None
