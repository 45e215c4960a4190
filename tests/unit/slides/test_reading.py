"""Reading slides through a real worker process."""

import io
import os
import signal
import weakref
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from idc_slides.facts import Level, SlideFacts
from idc_slides.quality import tissue_cells
from idc_slides.reading import Limits, NeedsScale, SlideFile, SlideTimedOut, SlideUnreadable, SpareWorker
from idc_slides.reading.slide_file import MOST_OVERVIEW_PX
from idc_slides.reading.slide_reader import SlideReader
from support.eventually import wait_until
from support.made_slides import made_slide, tissue_slide
from support.slide_files import damage_tile, write_slide

MADE = tissue_slide(5, 6)
CELLS = MADE.pixels.reshape(5, 50, 6, 50, 3).swapaxes(1, 2)


@pytest.fixture(scope="module")
def half_um(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide of 0.5 um per pixel with four levels, without loss."""
    path = tmp_path_factory.mktemp("slides") / "half.tiff"
    return write_slide(path, MADE.pixels, enlarged_by=8, compression="deflate")


@pytest.fixture
def slide(half_um: Path) -> Iterator[SlideFile]:
    with SlideFile.open(half_um) as opened:
        yield opened


def all_cells(slide: SlideFile) -> NDArray[np.uint8]:
    return np.stack([band.cells for band in slide.bands(slide.scale())])


def test_bands_hold_the_cells_of_the_slide(slide: SlideFile) -> None:
    assert slide.described.um_per_px == 0.5
    assert (all_cells(slide) == CELLS).all()


def test_reading_goes_on_at_any_row_and_leaves_out_what_is_not_wanted(slide: SlideFile) -> None:
    wanted = np.zeros((5, 6), np.bool_)
    wanted[3, [1, 2, 4]] = True

    bands = list(slide.bands(slide.scale(), 3, wanted))

    assert [band.row for band in bands] == [3, 4]
    assert (bands[0].cells[wanted[3]] == CELLS[3][wanted[3]]).all()
    assert (bands[0].cells[~wanted[3]] == 255).all()


def test_a_region_holds_the_cells_around_and_white_beyond_the_slide(slide: SlideFile) -> None:
    region = slide.region(slide.scale(), 0, 2, around=1)

    assert region.shape == (150, 150, 3)
    assert (region[:, :50] == 255).all()
    assert (region[50:100, 50:100] == CELLS[2, 0]).all()


def test_the_overview_is_the_mean_of_the_slide(slide: SlideFile) -> None:
    height, width = (side // 4 * 4 for side in MADE.pixels.shape[:2])
    mean = MADE.pixels[:height, :width].reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3))

    overview = slide.overview(16.0).pixels

    assert np.abs(overview[: height // 4, : width // 4] - mean).max() <= 1


def test_a_tile_shows_the_slide_at_every_level(slide: SlideFile) -> None:
    with Image.open(io.BytesIO(slide.tile(12, 1, 1))) as finest, Image.open(io.BytesIO(slide.tile(9, 0, 0))) as coarse:
        near, whole = np.asarray(finest), np.asarray(coarse)

    assert near.shape == (256, 256, 3)
    assert np.abs(near[2:, 2:].mean(axis=(0, 1)) - MADE.pixels[32:63, 32:63].mean(axis=(0, 1))).max() < 3
    assert np.abs(whole.mean(axis=(0, 1)) - MADE.pixels[:255, :255].mean(axis=(0, 1))).max() < 3


def test_coarse_tiles_of_a_slide_without_levels_come_from_an_overview(tmp_path: Path) -> None:
    path = write_slide(tmp_path / "one.tiff", MADE.pixels, enlarged_by=8, levels=1)

    with SlideFile.open(path) as slide, Image.open(io.BytesIO(slide.tile(6, 0, 0))) as tile:
        mean = np.asarray(tile).mean(axis=(0, 1))

    assert np.abs(mean - MADE.pixels.mean(axis=(0, 1))).max() < 3


class GreyReader:
    """Reads a plain slide of any size."""

    def __init__(self, side_px: int) -> None:
        self.described = SlideFacts(
            format="generic-tiff",
            width_px=side_px,
            height_px=side_px,
            levels=(Level(width_px=side_px, height_px=side_px, downsample=1.0),),
        )
        self.read_px = 0

    def read(self, *area: object) -> tuple[NDArray[np.uint8], list[tuple[int, int]]]:
        width, height = cast(tuple[int, int], area[4])
        self.read_px += width * height
        return np.full((height, width, 3), 90, np.uint8), []


def test_overview_for_tiles_of_the_largest_slide_is_bounded() -> None:
    reader = GreyReader(2_000_000)
    slide = SlideFile(cast(SlideReader, reader))

    with Image.open(io.BytesIO(slide.tile(14, 3, 3))) as tile:
        assert np.asarray(tile).mean() == 90

    assert reader.read_px <= MOST_OVERVIEW_PX


def test_overview_is_not_held_while_the_slide_is_open(slide: SlideFile) -> None:
    overview = weakref.ref(slide.overview().pixels)

    assert overview() is None


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_striped_and_planar_tiff_that_openslide_refuses_is_read(tmp_path: Path, planar: str) -> None:
    path = tmp_path / "striped.tif"
    pixels = MADE.pixels if planar == "contig" else np.moveaxis(MADE.pixels, -1, 0).copy()
    tifffile.imwrite(
        path, pixels, photometric="rgb", planarconfig=planar, rowsperstrip=16, compression="lzw", metadata=None,
        resolution=(2500, 2500), resolutionunit="CENTIMETER",
    )  # fmt: skip

    with SlideFile.open(path) as slide:
        assert slide.described.um_per_px == pytest.approx(4.0)
        assert (all_cells(slide) == CELLS).all()


def test_an_ome_tiff_has_its_scale_and_its_levels(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    fine = MADE.pixels.repeat(2, 0).repeat(2, 1)
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(
            fine, photometric="rgb", tile=(256, 256), subifds=1,
            metadata={"axes": "YXS", "PhysicalSizeX": 2.0, "PhysicalSizeY": 2000.0, "PhysicalSizeYUnit": "nm"},
        )  # fmt: skip
        tiff.write(MADE.pixels, photometric="rgb", tile=(256, 256), subfiletype=1)

    with SlideFile.open(path) as slide:
        assert (slide.described.format, slide.described.um_per_px) == ("ome-tiff", 2.0)
        assert slide.scale().record.level == 1
        assert (all_cells(slide) == CELLS).all()


def write_ome(path: Path, *images: tuple[int, dict[str, object]]) -> Path:
    """An OME-TIFF of several images, each enlarged by a factor."""
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for enlarged_by, metadata in images:
            pixels = MADE.pixels.repeat(enlarged_by, 0).repeat(enlarged_by, 1)
            tiff.write(pixels, photometric="rgb", tile=(256, 256), metadata={"axes": "YXS"} | metadata)
    return path


def um(um_per_px: float) -> dict[str, object]:
    return {"PhysicalSizeX": um_per_px, "PhysicalSizeY": um_per_px}


def test_the_scale_of_an_ome_tiff_is_that_of_the_slide_and_not_of_a_macro_image_before_it(tmp_path: Path) -> None:
    with SlideFile.open(write_ome(tmp_path / "macro-first.ome.tif", (1, um(4.0)), (2, um(0.5)))) as slide:
        assert (slide.described.width_px, slide.described.um_per_px) == (MADE.pixels.shape[1] * 2, 0.5)


@pytest.mark.parametrize(
    "images",
    [((1, um(4.0)), (2, {})), ((2, um(4.0)), (2, um(0.5))), ((1, um(0.0)),), ((1, um(float("inf"))),)],
    ids=["only-the-macro-tells", "two-that-differ", "zero", "infinite"],
)
def test_an_ome_tiff_that_leaves_the_scale_open_asks_for_it(
    tmp_path: Path, images: tuple[tuple[int, dict[str, object]], ...]
) -> None:
    with (
        SlideFile.open(write_ome(tmp_path / "open.ome.tif", *images)) as slide,
        pytest.raises(NeedsScale, match="does not tell its scale"),
    ):
        slide.scale()


@pytest.mark.parametrize(("stated_um_per_px", "whole_factor"), [(None, 4), (1.0, 4), (0.25, 16), (2.0, 2)])
def test_levels_made_by_leaving_out_pixels_are_not_read_whatever_the_scale(
    tmp_path: Path, stated_um_per_px: float | None, whole_factor: int
) -> None:
    path, fine = tmp_path / "decimated.tiff", tissue_slide(24, 28).pixels
    with tifffile.TiffWriter(path) as tiff:
        for level in range(5):
            um_per_px = 2**level
            tiff.write(
                fine[::um_per_px, ::um_per_px], photometric="rgb", tile=(256, 256), subfiletype=int(level > 0),
                resolution=(1e4 / um_per_px, 1e4 / um_per_px), resolutionunit="CENTIMETER", metadata=None,
            )  # fmt: skip

    with SlideFile.open(path) as slide:
        assert [level.downsample for level in slide.described.levels] == [1, 2, 4, 8, 16]
        chosen = slide.scale(stated_um_per_px)

    assert (chosen.record.level, chosen.record.factor) == (0, whole_factor)
    assert "was made by leaving out pixels" in chosen.warnings[0]


def test_a_damaged_tile_spoils_only_its_own_cells(tmp_path: Path) -> None:
    path = damage_tile(write_slide(tmp_path / "damaged.tiff", MADE.pixels, levels=1), 1)

    with SlideFile.open(path) as slide:
        readable = np.stack([band.readable for band in slide.bands(slide.scale())])

    assert readable.tolist() == [[True] * 5 + [False]] * 5  # the second tile begins at 256 px, in the last column


def test_cells_that_the_overview_does_not_show_are_looked_at_and_not_taken_for_glass(tmp_path: Path) -> None:
    kinds = [["stroma"] * 25 + ["glass"] * 16] * 5
    path = damage_tile(write_slide(tmp_path / "damaged.tiff", made_slide(kinds).pixels, levels=1), 4)

    with SlideFile.open(path) as slide:
        overview, grid = slide.overview(), slide.scale().grid
        tissue = tissue_cells(overview.pixels, grid, unread=overview.unread).tissue
        readable = np.stack([band.readable for band in slide.bands(slide.scale(), wanted=tissue)])

    spoiled = slice(1024 // 50, -(-1280 // 50))  # the fifth tile
    assert (tissue == (np.arange(41) < spoiled.stop)).all()
    assert (~readable == ((np.arange(41) >= spoiled.start) & (np.arange(41) < spoiled.stop))).all()


def test_the_worker_gets_no_secret_and_limits_that_it_cannot_raise(
    half_um: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIDES_SECRET", "mouse")

    with SlideFile.open(half_um, Limits(memory_bytes=2**28, cpu_s=77)) as slide:
        process = Path(f"/proc/{slide.worker_pid}")
        environment = (process / "environ").read_bytes()
        limits = {
            line[:26].strip(): line[26:].split()[:2] for line in (process / "limits").read_text().splitlines()[1:]
        }

    assert b"mouse" not in environment
    assert limits["Max cpu time"] == ["77", "77"]
    assert limits["Max file size"] == ["0", "0"]
    assert 2**28 < int(limits["Max address space"][1]) < 2**30


def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(slide: SlideFile) -> None:
    bands = slide.bands(slide.scale())
    first = next(bands)

    os.kill(slide.worker_pid, signal.SIGKILL)

    cells = np.stack([first.cells, *(band.cells for band in bands)])
    assert (cells == CELLS).all()


def test_a_worker_that_hangs_is_killed_and_the_slide_is_given_up(half_um: Path) -> None:
    limits = Limits(read_timeout_s=0.2, worker_deaths=7)
    with SlideFile.open(half_um, limits) as slide:
        worker, chosen = slide.worker_pid, slide.scale()
        os.kill(worker, signal.SIGSTOP)

        with pytest.raises(SlideTimedOut, match="tiled pyramidal"):
            next(slide.bands(chosen))

    assert not Path(f"/proc/{worker}").exists()


def test_a_closed_slide_leaves_no_process(half_um: Path) -> None:
    with SlideFile.open(half_um) as slide:
        worker = slide.worker_pid

    assert not Path(f"/proc/{worker}").exists()


def refusal(path: Path, folder: Path | None = None) -> SlideUnreadable:
    with pytest.raises(SlideUnreadable) as refused:
        SlideFile.open(path, folder=folder).close()
    return refused.value


def test_a_link_out_of_the_folder_is_refused_and_one_inside_it_is_not(half_um: Path, tmp_path: Path) -> None:
    (tmp_path / "out.tiff").symlink_to(half_um)
    (tmp_path / "circle.tiff").symlink_to(tmp_path / "circle.tiff")
    inside = write_slide(tmp_path / "slide.tiff", MADE.pixels)
    (tmp_path / "in.tiff").symlink_to(inside)

    assert refusal(tmp_path / "out.tiff", tmp_path).code == "outside-folder"
    assert refusal(tmp_path / "circle.tiff", tmp_path).code == "slide-not-found"
    SlideFile.open(tmp_path / "in.tiff", folder=tmp_path).close()


def test_what_is_no_slide_is_refused_with_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.svs")
    (tmp_path / "empty.svs").touch()
    (tmp_path / "text.svs").write_text("no slide")
    (tmp_path / "folder").mkdir()

    codes = {
        name: refusal(tmp_path / name).code for name in ("pipe.svs", "empty.svs", "text.svs", "folder", "none.svs")
    }

    assert codes == {
        "pipe.svs": "unsupported-format",
        "empty.svs": "unsupported-format",
        "text.svs": "unsupported-format",
        "folder": "unsupported-format",
        "none.svs": "slide-not-found",
    }


def test_a_name_with_a_newline_is_read_and_shown_on_one_line(half_um: Path, tmp_path: Path) -> None:
    (tmp_path / "a\nb.tiff").write_bytes(half_um.read_bytes())
    (tmp_path / "c\nd.tiff").write_text("no slide")

    SlideFile.open(tmp_path / "a\nb.tiff").close()

    assert "\n" not in refusal(tmp_path / "c\nd.tiff").detail


@settings(max_examples=12)
@given(data=st.data())
def test_a_cut_or_flipped_file_never_harms_the_parent(
    half_um: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(half_um.read_bytes()[: 2**16])
    for place in data.draw(st.lists(st.integers(0, 2047), max_size=8)):
        content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("flipped") / "flipped.tiff"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    try:
        with SlideFile.open(path, Limits(worker_deaths=2)) as slide:
            bands = list(slide.bands(slide.scale(0.5)))
    except SlideUnreadable as refused:
        reason = refused.detail
    else:
        reason = "none"
        assert all(one.row + 1 == other.row for one, other in pairwise(bands))
    assert reason


def test_a_slide_is_opened_by_the_worker_that_was_started_ahead(half_um: Path) -> None:
    with closing(SpareWorker(Limits())) as spare:
        spare.prepare()
        ahead = spare.pid
        with SlideFile.open(half_um, spare.limits, spare=spare) as slide:
            assert slide.worker_pid == ahead
            with SlideFile.open(half_um, spare.limits, spare=spare) as other:
                assert other.worker_pid != ahead
                assert other.described == slide.described
            following = spare.pid

    assert 0 != following != ahead
    assert not Path(f"/proc/{ahead}").exists()
    assert not Path(f"/proc/{following}").exists()


def test_a_spare_worker_that_was_killed_is_nobodys_fault(half_um: Path) -> None:
    with closing(SpareWorker(Limits())) as spare:
        spare.prepare()
        os.kill(spare.pid, signal.SIGKILL)
        wait_until(lambda: process_state(spare.pid) == "Z", "it is dead")

        with SlideFile.open(half_um, spare.limits, spare=spare) as slide:
            assert slide.described.um_per_px == 0.5


def test_no_worker_is_started_ahead_after_the_end(half_um: Path) -> None:
    spare = SpareWorker(Limits())
    with SlideFile.open(half_um, spare.limits, spare=spare):
        spare.close()

    assert spare.pid == 0


def process_state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
