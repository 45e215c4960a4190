"""The service of slides with real files, OpenSlide and inference."""

import base64
import csv
import io
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile
from PIL import Image

from idc_trainer.data.layouts import open_patches
from support import calls
from support.eventually import wait_until
from support.inference_process import inference_process
from support.made_slide_files import GLASS, LESION, write_made_slide
from support.slide_files import damage_tile, write_slide
from support.slides_process import slides_process
from support.tiny_bundle import write_tiny_bundle

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CALLER = {"X-IDC-Caller": "dr.%20k%C3%B6nig"}
FINAL = ("done", "failed", "cancelled", "needs_scale")


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model that tells how the scores of slides are distributed."""
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models, has_slide_scores=True)
    with inference_process(models) as url:
        yield url


def through(address: str, name: str) -> dict[str, Any]:
    """The record of a slide of this name, when nothing more happens to it by itself."""

    def found() -> list[dict[str, Any]]:
        items = calls.get(f"{address}/slides", params={"search": name}).json()["items"]
        return [item for item in items if item["state"] in FINAL]

    wait_until(lambda: bool(found()), f"{name} is through")
    return found()[0]


def test_a_file_of_the_folder_is_screened_by_itself(tmp_path: Path, inference: str) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    with slides_process(tmp_path / "data", folder, inference) as address:
        write_made_slide(folder / "case 1\n.tiff")

        slide = through(address, "case 1")
        cells = calls.get(f"{address}/slides/{slide['id']}/grid").json()
        feed = calls.get(f"{address}/screened").json()

    assert (slide["state"], slide["decision"], slide["failure"]) == ("done", "idc", None)
    assert slide["counts"]["tissue"] == 16 * 20
    assert 36 * 0.04 <= slide["idc"]["mm2"] <= 64 * 0.04, "the lesion, perhaps without its edge"
    assert len(cells["column"]) == len(cells["logit"]) == slide["counts"]["tissue"]
    assert [item["slide"]["id"] for item in feed["items"]] == [slide["id"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slides")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, folder: Path, inference: str) -> Iterator[str]:
    """A service that several tests share; it only looks into its folder when it is told to."""
    settings = {"SLIDES_FOLDER_POLL_S": "3600", "SLIDES_MAX_UPLOAD_GB": "0.02", "SLIDES_STORED_GB": "0.05"}
    with slides_process(tmp_path_factory.mktemp("data"), folder, inference, **settings) as url:
        yield url


@pytest.fixture(scope="module")
def screened(address: str, folder: Path) -> dict[str, Any]:
    """A slide that is done, of which nobody has said anything: who reviews it withdraws that again."""
    return screen(address, write_made_slide(folder / "lesion.tiff"))


def screen(address: str, file: Path) -> dict[str, Any]:
    """The record of a file of the folder that was queued by its path and is through."""
    answer = queue(address, path=file.name)
    assert answer.status_code == 201, answer.text
    return through(address, file.name)


def queue(address: str, **body: Any) -> httpx.Response:
    return calls.post(f"{address}/slides", json=body, headers=CALLER)


def test_a_known_file_is_answered_with_its_record(address: str, screened: dict[str, Any]) -> None:
    again = queue(address, path="lesion.tiff")

    assert (again.status_code, again.json()["id"]) == (200, screened["id"])
    assert screened["received_by"] == "dr. könig"
    assert len(screened["sha256"]) == 64


def test_qupath_gets_closed_rings_in_pixels_of_the_finest_level(address: str, screened: dict[str, Any]) -> None:
    features = calls.get(f"{address}/slides/{screened['id']}/map.geojson").json()["features"]

    lesions = [feature for feature in features if feature["properties"]["classification"]["name"] == "IDC"]
    rings = [ring for feature in features for ring in feature["geometry"]["coordinates"]]
    corners = [corner for feature in lesions for ring in feature["geometry"]["coordinates"] for corner in ring]
    assert all(ring[0] == ring[-1] and len(ring) >= 5 for ring in rings)
    assert all(len(feature["properties"]["classification"]["color"]) == 3 for feature in features)
    assert 300 <= min(x for x, _ in corners) <= 500, "the lesion begins in column 4 of cells of 100 px"
    assert 1100 <= max(x for x, _ in corners) <= 1300, "and ends before column 12"
    assert any(feature["properties"]["classification"]["name"] == "IDC hot spot" for feature in features)


def test_the_heat_map_is_an_ome_tiff_with_a_pixel_for_each_cell(address: str, screened: dict[str, Any]) -> None:
    data = calls.get(f"{address}/slides/{screened['id']}/heatmap.ome.tif").content

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        series = tiff.series[0]
        values = series.asarray()
        assert (tiff.is_ome, series.axes, series.shape) == (True, "CYX", (3, 20, 24))
    assert np.isnan(values[0, 0, 0]), "glass has no P"
    assert values[0, 8, 8] > 0.7
    assert values[2, 8, 8] == 2


def test_the_table_has_every_cell_and_says_what_was_left_out(address: str, screened: dict[str, Any]) -> None:
    rows = list(
        csv.DictReader(calls.get(f"{address}/slides/{screened['id']}/cells.csv", headers=CALLER).text.splitlines())
    )

    assert len(rows) == 20 * 24
    assert {row["decision"] for row in rows if not row["probability"]} == {"left_out:glass"}
    inside = next(row for row in rows if (row["column"], row["row"]) == ("8", "8"))
    assert (inside["x_px"], inside["y_px"], inside["decision"]) == ("800.0", "800.0", "idc")


def test_the_summary_is_a_page_with_the_notice(address: str, screened: dict[str, Any]) -> None:
    page = calls.get(f"{address}/slides/{screened['id']}/summary.html").text

    assert "For research use only. Not a medical device." in page
    assert "IDC suspected" in page


def test_patches_of_a_slide_are_told_for_the_comparison_with_the_training(
    address: str, screened: dict[str, Any]
) -> None:
    query = {"model_sha256": screened["model"]["sha256"], "limit": 100}
    found = calls.get(f"{address}/latest-slides", params=query).json()
    others = calls.get(f"{address}/latest-slides", params={**query, "model_sha256": "0" * 64}).json()

    (slide,) = (one for one in found["items"] if one["slide_id"] == screened["id"])
    assert slide["patches"] == screened["counts"]["tissue"]
    assert sum(slide["probability_shares"]) == pytest.approx(1)
    assert (others["items"], others["other_models"]) == ([], len(found["items"]))


def test_each_answer_names_the_version(address: str) -> None:
    answer = calls.get(f"{address}/livez")

    assert answer.headers.get_list("server") == [f"idc-slides/{version('idc-slides')}"]


def test_the_summary_is_german_for_who_wants_it(address: str, screened: dict[str, Any]) -> None:
    url = f"{address}/slides/{screened['id']}/summary.html"

    chosen = calls.get(url, params={"language": "de"})
    of_browser = calls.get(url, headers={"Accept-Language": "de-DE,de;q=0.9,en;q=0.8"})

    assert chosen.headers["content-language"] == "de"
    assert '<html lang="de">' in chosen.text
    assert "Nur für die Forschung. Kein Medizinprodukt." in chosen.text
    assert chosen.text == of_browser.text
    assert calls.get(url, params={"language": "fr"}).status_code == 422


def test_tissue_is_shown_as_deepzoom_and_as_cells(address: str, screened: dict[str, Any]) -> None:
    slide = f"{address}/slides/{screened['id']}"

    dzi = calls.get(f"{slide}.dzi")
    tile = calls.get(f"{slide}_files/12/1_1.jpeg")
    cell = calls.get(f"{slide}/cells/8/8.png", params={"around": 1})
    none = calls.get(f"{slide}_files/11/99_1.jpeg")
    kept = calls.get(f"{slide}_files/12/1_1.jpeg", headers={"If-None-Match": tile.headers["ETag"]})

    assert 'Width="2400"' in dzi.text
    with Image.open(io.BytesIO(tile.content)) as image:
        assert (image.format, image.size) == ("JPEG", (256, 256))
    with Image.open(io.BytesIO(cell.content)) as image:
        assert (image.format, image.size) == ("PNG", (150, 150))
        assert np.allclose(np.asarray(image).mean(axis=(0, 1)), LESION, atol=12)
    assert kept.status_code == 304
    assert (none.status_code, none.json()["type"]) == (404, "urn:idc-sentinel:problem:not-found")


def test_a_review_moves_the_cut_and_can_be_withdrawn(address: str, screened: dict[str, Any]) -> None:
    slide = f"{address}/slides/{screened['id']}"
    first, *_ = calls.get(f"{slide}/next-reviews", params={"count": 5}, headers=CALLER).json()
    place = f"{slide}/reviews/{first['column']}/{first['row']}"

    moved = calls.put(place, json={"verdict": "idc", "comment": "ducts"}, headers=CALLER).json()
    listed = calls.get(f"{slide}/reviews", headers=CALLER).json()
    after, *_ = calls.get(f"{slide}/next-reviews", params={"count": 5}, headers=CALLER).json()
    back = calls.delete(place, headers=CALLER).json()
    no_cell = calls.put(f"{slide}/reviews/0/0", json={"verdict": "idc"}, headers=CALLER)

    assert (moved["counts"]["reviewed"], moved["cut"]["reviews"]) == (1, 1)
    assert moved["cut"]["logit"] < screened["cut"]["logit"], "a cell below the cut was called IDC"
    assert [(review["reviewer"], review["comment"]) for review in listed] == [("dr. könig", "ducts")]
    assert (after["column"], after["row"]) != (first["column"], first["row"])
    assert back["cut"] == screened["cut"]
    assert no_cell.status_code == 400


def test_a_review_moves_the_cells_around_it_and_the_models_own_decisions_stay(
    address: str, screened: dict[str, Any]
) -> None:
    slide = f"{address}/slides/{screened['id']}"
    before = calls.get(f"{slide}/grid").json()
    asked, *_ = calls.get(f"{slide}/next-reviews", params={"count": 1}, headers=CALLER).json()
    place = f"{slide}/reviews/{asked['column']}/{asked['row']}"

    cut_before = calls.get(slide).json()["cut"]
    calls.put(place, json={"verdict": "idc"}, headers=CALLER).raise_for_status()
    after = calls.get(f"{slide}/grid").json()
    calls.delete(place, headers=CALLER).raise_for_status()
    back = calls.get(f"{slide}/grid").json()

    moved = {
        (column, row): new - old
        for column, row, new, old in zip(after["column"], after["row"], after["logit"], before["logit"], strict=True)
    }
    here = asked["column"], asked["row"]
    assert moved[here] == max(moved.values()) > 0.1
    assert all(by == 0 for (column, row), by in moved.items() if abs(column - here[0]) > 10 or abs(row - here[1]) > 10)
    assert after["probability"] == before["probability"]
    assert (before["model_decision"], before["model_logit"], before["model_cut"]) == ([], [], None)
    assert (after["model_decision"], after["model_logit"]) == (before["decision"], before["logit"])
    assert after["model_cut"] == cut_before
    assert back == before


def test_what_readers_agree_on_becomes_a_training_folder_with_the_pixels_of_the_slide(
    address: str, folder: Path, tmp_path: Path
) -> None:
    of_its_own = screen(address, write_made_slide(folder / "divided.tiff", lesion=7))
    slide = f"{address}/slides/{of_its_own['id']}"
    asked = calls.get(f"{slide}/next-reviews", params={"count": 3}, headers=CALLER).json()
    cells = [[cell["column"], cell["row"]] for cell in asked]
    second = {"X-IDC-Caller": "eva"}
    given = calls.post(f"{slide}/reviews", json={"verdict": "idc", "cells": cells}, headers=CALLER)
    assert given.status_code == 200, given.text

    unseen = calls.get(f"{slide}/reviews", headers=second).json()
    waiting = calls.get(f"{slide}/next-reviews", params={"second": "true"}, headers=second).json()
    calls.post(f"{slide}/reviews", json={"verdict": "no_idc", "cells": cells[:1]}, headers=second)
    table = calls.get(f"{slide}/cells.csv", headers=second).text
    counts = calls.get(f"{slide}/training-folder").json()
    patches_zip = calls.get(f"{slide}/training-folder.zip", params={"patient": "8867"})
    points = calls.get(f"{slide}/operating-points").json()

    assert unseen == []
    assert [[cell["column"], cell["row"]] for cell in waiting] == cells
    assert table.count("eva: no_idc") == table.count("dr. könig: idc") == 1
    assert counts == {"idc": 2, "no_idc": 0, "unsure": 0, "disagreements": 1}
    file = tmp_path / "8867.zip"
    file.write_bytes(patches_zip.content)
    source = open_patches(file)
    patches = source.listing.files
    assert [(patch.patient, patch.label) for patch in patches] == [("8867", 1), ("8867", 1)]
    place = patches[0].place
    assert place is not None
    shown = calls.get(f"{slide}/cells/{place.x_px // 50}/{place.y_px // 50}.png").content
    assert source.read(patches[0]) == shown
    assert len(points["logit"]) == len(points["sensitivity"]) > 50
    for reader, answered in ((CALLER, cells[1:]), (second, [])):
        for column, row in answered:
            assert calls.delete(f"{slide}/reviews/{column}/{row}", headers=reader).status_code == 200
    kept = calls.delete(f"{slide}/reviews/{cells[0][0]}/{cells[0][1]}", headers=second)
    assert (kept.status_code, kept.json()["type"]) == (409, "urn:idc-sentinel:problem:wrong-state")


def tus(**more: str) -> dict[str, str]:
    return {**CALLER, "Tus-Resumable": "1.0.0", **more}


def announced(address: str, data: bytes, name: str, **metadata: str) -> str:
    pairs = {"filename": name, **metadata}
    text = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
    headers = tus(**{"Upload-Length": str(len(data)), "Upload-Metadata": text})
    answer = calls.post(f"{address}/slides/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return f"{address}{answer.headers['Location']}"


def sent(url: str, offset: int, data: bytes) -> httpx.Response:
    headers = tus(**{"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"})
    return calls.patch(url, content=data, headers=headers, timeout=60)


def test_an_upload_in_pieces_is_screened_when_it_is_whole(address: str, tmp_path: Path) -> None:
    data = write_made_slide(tmp_path / "sent.tiff", columns=12, rows=10, lesion=3).read_bytes()
    url, half = announced(address, data, "näme.tiff", um_per_px="2.0"), len(data) // 2

    first = sent(url, 0, data[:half])
    again = sent(url, 0, data)
    where = calls.head(url, headers=tus())
    last = sent(url, half, data[half:])

    assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(half))
    assert again.status_code == 409
    assert where.headers["Upload-Offset"] == str(half)
    assert last.status_code == 204
    slide = through(address, "näme.tiff")
    assert last.headers["X-IDC-Slide"] == f"/slides/{slide['id']}"
    assert (slide["state"], slide["source"], slide["scale"]["stated_by"]) == ("done", "upload", "person")
    assert "at least 300 patches" in slide["cut"]["explanation"]


def test_uploads_are_bounded_and_end(address: str, tmp_path: Path) -> None:
    url = announced(address, b"12345", "short.svs")

    too_much = sent(url, 0, b"123456")
    ended = calls.delete(url, headers=tus())
    gone = calls.head(url, headers=tus())
    headers = tus(**{"Upload-Length": str(10**9), "Upload-Metadata": "filename Zi5zdnM="})
    too_large = calls.post(f"{address}/slides/uploads", headers=headers)
    no_slide = calls.post(
        f"{address}/slides/uploads", headers=tus(**{"Upload-Length": "5", "Upload-Metadata": "filename Zi5leGU="})
    )
    old = calls.head(url, headers=CALLER)

    assert (too_much.status_code, ended.status_code, gone.status_code) == (413, 204, 404)
    assert (too_large.status_code, no_slide.status_code, old.status_code) == (413, 422, 412)


def test_a_slide_without_scale_asks_for_it(address: str, folder: Path) -> None:
    data = write_made_slide(folder / "no-scale.tiff", columns=12, rows=10, lesion=3)
    pixels = tifffile.imread(data)
    tifffile.imwrite(data, pixels, tile=(256, 256), photometric="rgb", metadata=None)
    slide_id = queue(address, path="no-scale.tiff").json()["id"]

    asked = through(address, "no-scale")
    calls.patch(f"{address}/slides/{slide_id}", json={"um_per_px": 2.0}, headers=CALLER)
    wait_until(
        lambda: calls.get(f"{address}/slides/{slide_id}").json()["state"] == "done", "it is screened with its scale"
    )

    assert (asked["state"], asked["failure"]["code"]) == ("needs_scale", "needs-scale")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("../data/slides.sqlite3", 422, "slide-refused"),
        ("/etc/passwd", 422, "slide-refused"),
        ("link.tiff", 422, "slide-refused"),
        ("absent.tiff", 404, "not-found"),
        ("notes.txt", 422, "slide-refused"),
        ("a\0.tiff", 422, "slide-refused"),
        (".", 422, "slide-refused"),
        ("a" * 300 + ".tiff", 422, "slide-refused"),
    ],
)
def test_a_path_that_is_no_slide_of_the_folder_is_refused(
    address: str, folder: Path, tmp_path: Path, path: str, status: int, kind: str
) -> None:
    (folder / "notes.txt").write_text("no slide")
    outside = write_made_slide(tmp_path / "outside.tiff", columns=6, rows=6, lesion=1)
    (folder / "link.tiff").unlink(missing_ok=True)
    (folder / "link.tiff").symlink_to(outside)

    answer = queue(address, path=path)

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:idc-sentinel:problem:{kind}"), answer.text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("unopenable.tiff", "unsupported-format"),
        ("unreadable.svs", None),
        ("fluorescence.ome.tif", "not-brightfield"),
        ("small.svs", "slide-too-small"),
        ("truncated.svs", None),
        ("glass.tiff", "no-tissue"),
        ("one-pixel.tiff", None),
    ],
)
def test_a_file_that_is_no_good_slide_fails_with_a_reason(
    address: str, folder: Path, idc_slides: Path, name: str, code: str | None
) -> None:
    if name == "truncated.svs":
        (folder / name).write_bytes((idc_slides / "CMU-1-Small-Region.svs").read_bytes()[:700_000])
    elif name == "glass.tiff":
        write_slide(folder / name, np.full((600, 800, 3), GLASS, np.uint8), enlarged_by=2)
    elif name == "one-pixel.tiff":
        tifffile.imwrite(folder / name, np.full((1, 1, 3), 90, np.uint8), photometric="rgb")
    else:
        shutil.copy(idc_slides / name, folder / name)
    queue(address, path=name)

    slide = through(address, name)

    assert slide["state"] in ("failed", "needs_scale"), slide
    assert len(slide["failure"]["detail"]) > 20
    assert code is None or slide["failure"]["code"] == code
    assert slide["decision"] is None
    assert calls.get(f"{address}/slides/{slide['id']}/map.geojson").status_code == 409


def test_a_slide_without_a_finding_is_uncertain_where_a_part_of_it_cannot_be_read(address: str, folder: Path) -> None:
    whole = write_made_slide(folder / "healthy.tiff", enlarged_by=1, lesion=0)
    damaged = damage_tile(write_made_slide(folder / "damaged.tiff", enlarged_by=1, lesion=0), 7)

    slides = [screen(address, file) for file in (whole, damaged)]

    assert [slide["decision"] for slide in slides] == ["no_idc", "uncertain"]
    assert [slide["counts"]["left_out"].get("unreadable", 0) for slide in slides] == [0, 36]
    assert slides[0]["warnings"] == []
    assert slides[1]["warnings"] == [
        "Tissue that could not be read, and may be IDC: 1.44 mm². Copy the file again from the scanner."
    ]


def test_the_record_tells_why_a_finer_level_was_read(address: str, folder: Path, idc_slides: Path) -> None:
    shutil.copytree(idc_slides / "cmu-1-small-region-dicom", folder / "fine")

    queue(address, path="fine")

    assert "made by leaving out pixels" in through(address, "fine")["warnings"][-1]


def test_a_dicom_folder_is_one_slide(address: str, folder: Path, idc_slides: Path) -> None:
    shutil.copytree(idc_slides / "cmu-1-small-region-dicom", folder / "dicom")
    (folder / "dicom" / "strange.dcm").write_bytes(b"no DICOM at all")

    queue(address, path="dicom")
    slide = through(address, "dicom")
    one_file = queue(address, path="dicom/level-0-frames-0-30.dcm")

    assert (slide["state"], slide["format"]) == ("done", "dicom"), slide
    assert one_file.status_code == 422


def test_a_deleted_slide_leaves_its_file_in_the_folder(address: str, folder: Path) -> None:
    write_made_slide(folder / "old.tiff", columns=12, rows=10, lesion=3)
    slide_id = queue(address, path="old.tiff").json()["id"]
    through(address, "old.tiff")

    deleted = calls.delete(f"{address}/slides/{slide_id}", headers=CALLER)

    assert deleted.status_code == 204
    assert calls.get(f"{address}/slides/{slide_id}").status_code == 404
    assert (folder / "old.tiff").exists()


def test_lists_go_on_page_by_page(address: str, screened: dict[str, Any]) -> None:
    first = calls.get(f"{address}/slides", params={"limit": 1}).json()
    wrong = calls.get(f"{address}/slides", params={"cursor": "x"})

    assert len(first["items"]) == 1
    assert first["total"] >= 1
    assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:idc-sentinel:problem:bad-cursor")


def test_health_and_metrics_answer(address: str, screened: dict[str, Any]) -> None:
    assert calls.get(f"{address}/readyz").json()["checks"] == {"store": "ok", "folder": "ok"}
    assert 'idc_slides_slides{state="done"}' in calls.get(f"{address}/metrics").text
