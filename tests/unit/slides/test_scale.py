"""Which scale is believed, which level is read, and how its pixels become those of 4.0 um."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_slides.decoding.area_mean import area_mean
from idc_slides.decoding.whole_downsample import whole_downsample
from idc_slides.facts import Level, SlideFacts
from idc_slides.scale import choose_scale
from idc_slides.scale.plausible import scale_of
from idc_slides.unreadable import NeedsScale, SlideUnreadable


def facts(um_per_px: float | None, size_px: tuple[int, int] = (40_000, 30_000), *deviations: float) -> SlideFacts:
    """A slide with a level of half the pixels for each deviation."""
    levels = [
        Level(width_px=size_px[0] >> index, height_px=size_px[1] >> index, downsample=2**index, deviation=deviation)
        for index, deviation in enumerate((0.0, *deviations))
    ]
    scale, doubt = scale_of((um_per_px, um_per_px), None)
    return SlideFacts(
        format="generic-tiff",
        width_px=size_px[0],
        height_px=size_px[1],
        um_per_px=scale,
        um_per_px_doubt=doubt,
        levels=tuple(levels),
    )


@pytest.mark.parametrize("dpi", [72, 96, 300])
def test_the_resolution_of_a_screen_or_printer_is_doubted(dpi: int) -> None:
    um_per_px, doubt = scale_of((25_400 / dpi, 25_400 / dpi), None)

    assert um_per_px == pytest.approx(25_400 / dpi)
    assert "screen or printer" in str(doubt)


@pytest.mark.parametrize(("um_per_px", "power"), [(0.25, 40), (0.5, 20), (0.25, 20), (1.0, 10), (4.0, None)])
def test_the_scale_of_a_scanner_is_believed(um_per_px: float, power: float | None) -> None:
    assert scale_of((um_per_px, um_per_px), power) == (um_per_px, None)


@pytest.mark.parametrize(("xy", "power"), [((0.5, 0.52), None), ((2.0, 2.0), 40), ((0.05, 0.05), None)])
def test_scales_that_contradict_each_other_are_doubted(xy: tuple[float, float], power: float | None) -> None:
    assert scale_of(xy, power)[1] is not None


@pytest.mark.parametrize(("told", "word"), [(None, "does not tell its scale"), (352.8, "352.8")])
def test_a_missing_or_doubtful_scale_is_asked_for_and_a_stated_one_taken(told: float | None, word: str) -> None:
    slide = facts(told)

    with pytest.raises(NeedsScale, match=word):
        choose_scale(slide)
    assert choose_scale(slide, 0.5).record.stated_by == "person"


@pytest.mark.parametrize("stated", [0.0, 0.05, 5.0, 250.0, float("nan")])
def test_an_implausible_stated_scale_is_refused(stated: float) -> None:
    with pytest.raises(NeedsScale, match="stated"):
        choose_scale(facts(0.5), stated)


def test_the_coarsest_level_that_is_fine_enough_is_read() -> None:
    record = choose_scale(facts(0.5, (40_000, 30_000), 0.5, 0.7, 0.9, 1.1)).record

    assert (record.level, record.level_um_per_px, record.factor) == (3, 4.0, 1.0)


def test_a_level_that_is_no_mean_of_the_finest_is_not_read_and_the_warning_says_so() -> None:
    chosen = choose_scale(facts(0.5, (40_000, 30_000), 0.5, 5.0, 9.0))

    assert chosen.record.level == 1
    assert "instead of level 3" in chosen.warnings[0]


def test_a_slide_smaller_than_a_cell_or_larger_than_any_glass_is_refused() -> None:
    with pytest.raises(SlideUnreadable, match="1 x 1 px") as small:
        choose_scale(facts(0.5, (1, 1)))
    with pytest.raises(SlideUnreadable, match="mm") as large:
        choose_scale(facts(4.0, (100_000, 100_000)))
    with pytest.raises(SlideUnreadable, match="500 x 1 mm") as long:
        choose_scale(facts(4.0, (125_000, 250)))

    codes = [refused.value.code for refused in (small, large, long)]
    assert codes == ["slide-too-small", "slide-too-large", "slide-too-large"]


def test_the_grid_covers_the_slide_and_rounding_adds_no_cell() -> None:
    grid = choose_scale(facts(0.499, (2220, 2967))).grid
    exact = choose_scale(facts(0.5, (40_000, 30_001))).grid

    assert (grid.columns, grid.rows) == (6, 8)
    assert (exact.columns, exact.rows) == (100, 75)


def test_a_level_whose_last_pixels_were_dropped_has_a_whole_downsample() -> None:
    assert whole_downsample((2220, 2967), (277, 370)) == 8.0
    assert whole_downsample((2220, 2967), (1110, 1483)) == 2.0
    assert whole_downsample((1000, 1000), (300, 300)) == pytest.approx(3.333, abs=0.001)


@given(factor=st.integers(1, 6), seed=st.integers(0, 99))
def test_pixels_enlarged_by_a_whole_factor_come_back_unchanged(factor: int, seed: int) -> None:
    small = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)

    assert (area_mean(small.repeat(factor, 0).repeat(factor, 1), 0, 0, factor, (30, 20)) == small).all()


@given(factor=st.floats(0.95, 9.0), left=st.floats(0, 30), seed=st.integers(0, 99))
def test_parts_fit_together_without_a_seam_at_any_factor(factor: float, left: float, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 300, 3), dtype=np.uint8)

    whole = area_mean(pixels, left, 0.0, factor, (20, 5)).astype(int)
    second = area_mean(pixels, left + 10 * factor, 0.0, factor, (10, 5))

    assert np.abs(whole[:, 10:] - second).max() <= 1


@given(factor=st.floats(1.0, 9.0), grey=st.integers(0, 255))
def test_a_plain_area_keeps_its_grey_at_any_factor_and_beyond_the_edge(factor: float, grey: int) -> None:
    pixels = np.full((30, 30, 3), grey, np.uint8)

    assert (area_mean(pixels, -5.3, -2.1, factor, (12, 12)) == grey).all()
