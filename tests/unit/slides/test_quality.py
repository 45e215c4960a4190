"""What is screened, what is left out and why, on slides whose cells are known."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage

from idc_contracts.slides import SlideGrid
from idc_slides.quality import TissueMap, blurred_cells, strips, tissue_cells
from idc_slides.quality.cell_shares import CellShares
from idc_slides.quality.pixel_kinds import opened, pixel_kinds
from idc_slides.quality.stain import glass_colour
from support.made_slides import MadeSlide, made_slide


def map_of(slide: MadeSlide, um_per_px: int = 16) -> TissueMap:
    """The map of a slide from an overview that is the exact mean of its pixels."""
    factor = um_per_px // 4
    height, width = (side // factor * factor for side in slide.pixels.shape[:2])
    parts = slide.pixels[:height, :width].reshape(height // factor, factor, width // factor, factor, 3)
    rows, columns = slide.kinds.shape
    return tissue_cells(
        parts.mean(axis=(1, 3)).astype(np.uint8), SlideGrid(columns=columns, rows=rows, pitch_px=400), um_per_px
    )


MIXED = made_slide(
    [
        ["glass"] * 12,
        ["glass", *["stroma"] * 4, *["tumour"] * 3, *["pale"] * 2, "glass", "dust"],
        ["glass", *["stroma"] * 4, *["tumour"] * 3, *["pale"] * 2, "glass", "dust"],
        ["glass", *["fat"] * 5, *["stroma"] * 4, "pen", "glass"],
        ["glass", *["fat"] * 5, "stroma", "fold", "fold", "stroma", "pen", "glass"],
        ["glass"] * 12,
    ]
)


@pytest.mark.parametrize("um_per_px", [8, 16])
def test_stroma_tumour_and_pale_tissue_are_screened_and_nothing_else(um_per_px: int) -> None:
    tissue = map_of(MIXED, um_per_px).tissue

    assert set(MIXED.kinds[tissue]) == {"stroma", "tumour", "pale", "fold"}
    assert tissue.sum() == np.isin(MIXED.kinds, ["stroma", "tumour", "pale", "fold"]).sum()


@pytest.mark.parametrize(
    ("kind", "causes"), [("glass", {"glass"}), ("dust", {"glass"}), ("pen", {"pen"}), ("fat", {"fat"})]
)
def test_a_cell_that_is_left_out_has_its_cause(kind: str, causes: set[str]) -> None:
    left_out = map_of(MIXED).left_out

    found = {cause for cause, cells in left_out.items() if cells[MIXED.kinds == kind].any()}

    assert found == causes


def test_each_cell_is_screened_or_left_out_for_one_cause() -> None:
    found = map_of(MIXED)

    assert (found.tissue.astype(int) + sum(cells.astype(int) for cells in found.left_out.values()) == 1).all()


def test_a_fold_is_noted_and_has_its_share() -> None:
    found = map_of(MIXED)

    assert found.notes["fold"][MIXED.kinds == "fold"].all()
    assert not found.notes["fold"][MIXED.kinds != "fold"].any()
    assert 0.02 < found.shares["fold"] < 0.2


def test_a_slide_of_glass_alone_has_no_tissue_and_no_shares() -> None:
    found = map_of(made_slide([["glass"] * 5] * 4))

    assert not found.tissue.any()
    assert found.left_out["glass"].all()
    assert found.shares == {"pen": 0.0, "fold": 0.0}


def test_a_slide_without_glass_is_tissue_throughout() -> None:
    assert map_of(made_slide([["stroma"] * 5] * 4)).tissue.all()


def test_glass_of_another_tint_is_still_glass() -> None:
    slide = made_slide([["glass", "stroma", "glass"]] * 3)
    tinted = np.clip(slide.pixels * np.array([0.98, 0.95, 0.90]), 0, 255).astype(np.uint8)

    found = map_of(MadeSlide(tinted, slide.kinds))

    assert (found.tissue == (slide.kinds == "stroma")).all()


def test_a_cell_that_reaches_over_the_slides_edge_is_left_out() -> None:
    slide = made_slide([["stroma"] * 3] * 3)

    found = map_of(MadeSlide(slide.pixels[:, :120], slide.kinds))

    assert found.left_out["edge"].tolist() == [[False, False, True]] * 3


def test_blur_of_two_pixels_is_seen_and_sharp_cells_are_not_called_blurred() -> None:
    cells = (
        made_slide([["stroma"] * 4, ["tumour"] * 4])
        .pixels.reshape(2, 50, 4, 50, 3)
        .swapaxes(1, 2)
        .reshape(-1, 50, 50, 3)
    )
    blurred = ndimage.gaussian_filter(cells.astype(float), (0, 2, 2, 0)).astype(np.uint8)

    assert not blurred_cells(cells).any()
    assert blurred_cells(blurred).all()


@pytest.mark.parametrize("um_per_px", [8, 16])
@pytest.mark.parametrize("pen", ["pen", "green pen", "red pen", "black pen"])
def test_pens_of_each_colour_are_left_out_and_blood_is_not(pen: str, um_per_px: int) -> None:
    slide = made_slide(
        [
            ["glass"] * 9,
            *[["glass", "stroma", "stroma", pen, pen, "glass", "blood", "blood", "glass"]] * 2,
            ["glass"] * 9,
        ]
    )

    found = map_of(slide, um_per_px)

    assert found.left_out["pen"].tolist() == (slide.kinds == pen).tolist()
    assert found.tissue[slide.kinds == "blood"].all()
    assert not found.notes["pen"].any()
    assert found.shares["pen"] == pytest.approx(4 / 12, abs=0.05)


def test_tissue_under_a_red_pen_is_screened_with_a_word_of_caution() -> None:
    slide = made_slide([["glass"] * 8, *[["glass", *["tumour"] * 6, "glass"]] * 3, ["glass"] * 8])
    slide.pixels[50:200, 155:190] = (215, 30, 50)

    found = map_of(slide)

    assert found.notes["pen"][1:4, 3].all()
    assert found.notes["pen"].sum() == 3


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=20)), st.sampled_from([3, 5]))
def test_squares_that_fit_into_a_mask_are_those_of_scipy(mask: NDArray[np.bool_], side_px: int) -> None:
    np.testing.assert_array_equal(opened(mask, side_px), ndimage.binary_opening(mask, np.ones((side_px, side_px))))


def peak_bytes(compute: Callable[[], object]) -> int:
    """Most memory that is allocated meanwhile."""
    tracemalloc.start()
    try:
        compute()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_large_slide_takes_few_bytes_for_each_pixel_of_its_overview() -> None:
    stroma = made_slide([["stroma", "glass"]]).pixels[::4, ::4]
    overview = np.tile(stroma, (3000 // stroma.shape[0] + 1, 3000 // stroma.shape[1] + 1, 1))
    grid = SlideGrid(columns=overview.shape[1] * 2 // 25, rows=overview.shape[0] * 2 // 25, pitch_px=50)

    peak = peak_bytes(lambda: tissue_cells(overview, grid))

    assert peak < 8 * overview.shape[0] * overview.shape[1]


def test_long_slide_takes_little_memory_for_its_many_cells() -> None:
    grid = SlideGrid(columns=2000, rows=1, pitch_px=50)

    peak = peak_bytes(lambda: CellShares((13, 25_000), grid, 16.0))

    assert peak < 8 * 2**20


def test_shares_of_cells_are_by_area_where_a_pixel_lies_in_two() -> None:
    mask = np.zeros((25, 25), np.bool_)
    mask[:, 12:] = True

    shares = CellShares(mask.shape, SlideGrid(columns=2, rows=2, pitch_px=50), 16.0).of(mask)

    np.testing.assert_allclose(shares, [[0.5 / 12.5, 1.0]] * 2, rtol=1e-6)


@pytest.mark.parametrize("height", [1, 7, 60])
def test_overview_in_strips_shows_what_it_shows_as_a_whole(monkeypatch: pytest.MonkeyPatch, height: int) -> None:
    mixed = np.concatenate([MIXED.pixels[::4, ::4]] * 2)
    share = np.random.default_rng(1).random((*mixed.shape[:2], 1))
    mixed = np.where(share < 0.02, np.uint8(90), mixed)
    mixed[:, :60] = np.where(share < 0.97, (215, 30, 50), (120, 70, 140))[:, :60]  # red pen with holes
    whole, glass = pixel_kinds(mixed), glass_colour(mixed)
    assert next(strips.strips(mixed.shape[:2])).rows.stop == len(mixed)
    monkeypatch.setattr(strips, "STRIP_PX", 0)
    monkeypatch.setattr(strips, "LEAST_ROWS", height)

    in_strips = pixel_kinds(mixed)

    assert glass_colour(mixed).tolist() == glass.tolist()
    for name in ("stained", "solid", "pen", "fold"):
        assert getattr(whole, name).any()
        np.testing.assert_array_equal(getattr(in_strips, name), getattr(whole, name))


def test_fold_is_twice_as_dense_as_the_middle_of_all_tissue() -> None:
    found = map_of(made_slide([["pale"] * 9, ["pale", *["fold"] * 2, *["pale"] * 6]]))

    assert found.notes["fold"].tolist() == [[False] * 9, [False, True, True, *[False] * 6]]
