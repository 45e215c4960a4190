"""By how much a level was made smaller."""


def whole_downsample(finest_px: tuple[int, int], level_px: tuple[int, int]) -> float:
    """Pixels of the finest level for one of the level.

    A level of 277 of 2,220 px was made by 8, and its last pixels were dropped. The plain ratio, 8.014, would move the
    far end by half a patch.
    """
    ratio = (finest_px[0] / level_px[0] + finest_px[1] / level_px[1]) / 2
    for whole in {round(ratio), int(ratio), int(ratio) + 1}:
        if whole >= 1 and all(
            abs(finest / whole - level) < 1.0 for finest, level in zip(finest_px, level_px, strict=True)
        ):
            return float(whole)
    return ratio
